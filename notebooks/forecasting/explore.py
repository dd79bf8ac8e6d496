# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Explore
# Which patterns do the series follow?

# %% tags=["parameters"]
upstream = {"ingest": ["train", "schema"]}
product = None
request = "electricity"

# %%
from glassbox.data.schema import Schema
from glassbox.families.forecasting import explore, plots
from glassbox.families.forecasting.dataset import open_panel
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("explore", request, upstream, product)
train = stage.load("train")
schema = Schema.model_validate(stage.load("schema"))
panel = open_panel(train, schema, stage.request)
target, seasons = str(stage.request.data.target), panel.step.seasons

# %% [markdown]
# ## Target distribution
# Percentage errors and log transformations need positive values. How many values are zero or negative?

# %%
stage.show("target", explore.target_facts(panel), report=True)

# %% [markdown]
# ## Change points
# After a level shift, older data describes a different process. Change points are detected in the means of whole seasons,
# so that the seasonality itself is not mistaken for one.

# %%
table, breaks = explore.change_points(panel, seasons[0])
stage.show("change_points", table)

# %% [markdown]
# The dashed lines mark the change points.

# %%
stage.show("series", plots.series(panel, target, breaks, seasons[0]), report=True)

# %% [markdown]
# ## Seasonal decomposition
# Where the remainder varies strongly, look for a cause other than trend and calendar.

# %%
stage.show("decomposition", plots.decomposition(panel, seasons[0], target))

# %% [markdown]
# How strong are trend and seasonality across the series?

# %%
stage.show("strengths", explore.strengths_table(explore.strengths(panel, seasons)), report=True)

# %% [markdown]
# The band is the interquartile range over all seasons; a narrow band means a stable seasonal pattern.

# %%
stage.show("seasonal", plots.seasonal(panel, seasons, target), report=True)

# %% [markdown]
# ## Autocorrelation
# Peaks at multiples of the season show which lags are useful as features.

# %%
stage.show("autocorrelation", plots.autocorrelation(panel, seasons))

# %% [markdown]
# ## Stationarity
# Two tests with opposite null hypotheses. Where both agree on the seasonal differences, one seasonal differencing is enough.

# %%
stage.show("stationarity", explore.stationarity(panel, seasons[0]))

# %% [markdown]
# ## Demand classification
# Intermittent series need other methods and metrics than smooth ones: the median of a mostly-zero series is zero.

# %%
stage.show("intermittency", explore.intermittency(panel))

# %% [markdown]
# ## Correlations
# A global model for all series pays off where the series are correlated.

# %%
stage.show("series_correlations", explore.series_correlations(panel, seasons[0]))

# %% [markdown]
# Which covariates are correlated with the target once seasonality is removed?

# %%
stage.show("covariates", explore.covariate_table(panel, seasons[0]))

# %%
stage.save()

# %% [markdown]
# ## Limits
# - The figures show the longest series; the tables cover all series, or an even sample of them where there are very many.
# - A change point shows when the level shifted, not why. Ask a domain expert.
# - Correlations describe the past; a covariate helps only if it is known when a forecast is made.
