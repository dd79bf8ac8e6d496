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
# # Features
# What will the model see, and what must it never see?

# %% tags=["parameters"]
upstream = {"ingest": ["train", "schema"]}
product = None
request = "electricity"

# %%
from glassbox.data.schema import Schema
from glassbox.families.forecasting.dataset import folds_table, make_folds, open_panel, recipe_of, recipe_table, sealed_facts
from glassbox.families.forecasting.leakage import future_leaks, leaks_table
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("features", request, upstream, product)
train = stage.load("train")
schema = Schema.model_validate(stage.load("schema"))
panel = open_panel(train, schema, stage.request)

# %% [markdown]
# ## What the models see
# Lags are counted in seasons back from the step that is forecast, never nearer than the origin. Change a list, and run again:
# nothing else has to change.

# %%
recipe = recipe_of(panel, stage.request)
# recipe = recipe.model_copy(update={"lags": [1, 2, 3, 4, 8, 52], "windows": [24, 168, 672]})
stage.show("recipe", recipe_table(recipe, schema.target), report=True)

# %% [markdown]
# ## Who judges
# Folds roll forward: each origin knows what lies before it, and is judged by the horizon after it. The holdout comes after the last.

# %%
folds = make_folds(panel, recipe, stage.request.folds)
stage.show("folds", folds_table(folds, panel, stage.request.folds))

# %% [markdown]
# ## Nothing from the future
# Everything after an origin is changed on purpose, and the features are made again: a feature that moves has seen the future.

# %%
leaks = future_leaks(panel, recipe, folds["origin"].tolist(), stage.request.seed)
stage.show("leaks", leaks_table(leaks, recipe), report=True)

# %% [markdown]
# And no step stands on both sides of the split.

# %%
stage.show("duplicates_across", sealed_facts(panel, stage.request))

# %%
stage.save(recipe=recipe, folds=folds, leaks=leaks)

# %% [markdown]
# ## Limits of what was shown
# - Covariates that the request calls known ahead are taken at their word: with forecasts of the weather in the place of the
#   weather itself, errors grow.
# - Holidays are public ones of one country; school holidays and events are not among them.
