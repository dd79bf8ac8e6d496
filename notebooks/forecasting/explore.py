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
# What does the data look like?

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
# ## The values
# Zeros and signs decide which errors can be read in percent, and which transformations are open at all.

# %%
stage.show("target", explore.target_facts(panel), report=True)

# %% [markdown]
# ## Has the level changed?
# A break tells the models that what came before is another world. Breaks are looked for in the means of whole seasons, so
# that the season itself is not taken for one.

# %%
table, breaks = explore.change_points(panel, seasons[0])
stage.show("breaks", table)

# %%
stage.show("series", plots.series(panel, target, breaks, seasons[0]), report=True)

# %% [markdown]
# ## Trend, season, remainder
# The remainder is what a model still has to explain: where it swings widely, look for a cause that is not the calendar.

# %%
stage.show("decomposition", plots.decomposition(panel, seasons[0], target))

# %%
stage.show("strengths", explore.strengths_table(explore.strengths(panel, seasons)), report=True)

# %% [markdown]
# The band is the middle half of all seasons: narrow means that the season can be relied upon.

# %%
stage.show("seasonal", plots.seasonal(panel, seasons, target), report=True)

# %% [markdown]
# ## Memory
# Peaks at whole seasons say how far back a lag is worth taking.

# %%
stage.show("autocorrelation", plots.autocorrelation(panel, seasons))

# %% [markdown]
# ## Do the series keep to a level?
# Two tests with opposite null hypotheses. Where both agree after the season is taken off, differencing once by the season is enough.

# %%
stage.show("stationarity", explore.stationarity(panel, seasons[0]))

# %% [markdown]
# ## What kind of series they are
# Series with zeros between need other methods, and other metrics, than smooth ones: the median of a mostly-zero series is zero.

# %%
stage.show("intermittency", explore.intermittency(panel))

# %% [markdown]
# ## What goes together
# One model for all series pays where they move alike.

# %%
stage.show("likeness", explore.likeness(panel, seasons[0]))

# %%
stage.show("covariates", explore.covariate_table(panel, seasons[0]))

# %%
stage.save()

# %% [markdown]
# ## Limits of what was shown
# - What is drawn is the longest series; tables speak of all, or of an even sample where there are very many.
# - A break is where the level moved, not why. Ask those who know the series.
# - Correlations are of the past; a covariate helps only if it is known when a forecast is made.
