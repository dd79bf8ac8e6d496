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
# What are the properties of the series: trend, seasonality, change points and correlations?
#
# Only the training data is read here, not the holdout.

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
target, seasonal_periods = str(stage.request.data.target), panel.step.seasons

# %% [markdown]
# ## Target distribution
# How many values are zero or negative? Percentage errors and log transformations need positive values.

# %%
stage.show("target", explore.target_facts(panel), report=True)

# %% [markdown]
# ## Change points
# After a level shift, older data describes a different process. Change points are detected in the means of whole seasonal periods, so
# that seasonality is not detected as a change.

# %%
change_point_table, change_points = explore.change_points(panel, seasonal_periods[0])
stage.show("change_points", change_point_table)

# %% [markdown]
# The dashed lines mark the change points.

# %%
stage.show("series", plots.series(panel, target, change_points, seasonal_periods[0]), report=True)

# %% [markdown]
# ## Seasonal decomposition
# If the remainder varies strongly, factors other than trend and season influence the series.

# %%
stage.show("decomposition", plots.decomposition(panel, seasonal_periods[0], target))

# %% [markdown]
# How strong are trend and seasonality?

# %%
stage.show("strengths", explore.strengths_table(explore.strengths(panel, seasonal_periods)), report=True)

# %% [markdown]
# The band is the interquartile range over all seasonal periods; a narrow band means a stable seasonal pattern.

# %%
stage.show("seasonal", plots.seasonal(panel, seasonal_periods, target), report=True)

# %% [markdown]
# ## Autocorrelation
# Peaks at multiples of the seasonal period show which lags are useful as features.

# %%
stage.show("autocorrelation", plots.autocorrelation(panel, seasonal_periods))

# %% [markdown]
# ## Stationarity
# The two tests have opposite null hypotheses. If both find the seasonal differences stationary, seasonal differencing is sufficient.

# %%
stage.show("stationarity", explore.stationarity(panel, seasonal_periods[0]))

# %% [markdown]
# ## Demand classification
# Intermittent series need other methods and metrics than smooth series: if most values are zero, the median forecast is zero.

# %%
stage.show("intermittency", explore.intermittency(panel))

# %% [markdown]
# ## Correlations
# A global model, which is trained on all series, is useful if the series are correlated.

# %%
stage.show("series_correlations", explore.series_correlations(panel, seasonal_periods[0]))

# %% [markdown]
# Which covariates are correlated with the target after seasonal differencing?

# %%
stage.show("covariates", explore.covariate_table(panel, seasonal_periods[0]))

# %%
stage.save()

# %% [markdown]
# ## Limits
# - The figures show the longest series; the tables cover all series, or a regular sample of them if there are very many.
# - A change point shows when the level shifted, not the cause. Ask a domain expert.
# - Correlations describe the past; a covariate helps only if it is known when a forecast is made.
