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
# Which features do the models use, and do any of them leak the future?

# %% tags=["parameters"]
upstream = {"ingest": ["train", "schema"]}
product = None
request = "electricity"

# %%
from glassbox.data.schema import Schema
from glassbox.families.forecasting.dataset import folds_table, make_folds, open_panel, overlap_facts, recipe_of, recipe_table
from glassbox.families.forecasting.leakage import future_leaks, leaks_table
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("features", request, upstream, product)
train = stage.load("train")
schema = Schema.model_validate(stage.load("schema"))
panel = open_panel(train, schema, stage.request)

# %% [markdown]
# ## Feature recipe
# Lags and windows are computed from values up to the forecast origin only. You can change the recipe, as in the commented line.

# %%
recipe = recipe_of(panel, stage.request)
# recipe = recipe.model_copy(update={"lags": [1, 2, 3, 4, 8, 52], "windows": [24, 168, 672]})
stage.show("recipe", recipe_table(recipe, schema.target), report=True)

# %% [markdown]
# ## Cross-validation folds
# The folds have rolling origins: a model is fitted on the history up to an origin and scored on the horizon after it. The holdout comes
# after the last fold.

# %%
folds = make_folds(panel, recipe, stage.request.folds)
stage.show("folds", folds_table(folds, panel, stage.request.folds))

# %% [markdown]
# ## Look-ahead leakage
# All values after an origin are replaced, and the features are computed again. A feature that changes uses the future.

# %%
leaks = future_leaks(panel, recipe, folds["origin"].tolist(), stage.request.seed)
stage.show("leaks", leaks_table(leaks, recipe), report=True)

# %% [markdown]
# Train and holdout must not share a time step.

# %%
stage.show("duplicates_across", overlap_facts(panel, stage.request))

# %%
stage.save(recipe=recipe, folds=folds, leaks=leaks)

# %% [markdown]
# ## Limits
# - Covariates that the request lists as known ahead are assumed to be known exactly. In production, forecasts of them increase the
#   errors.
# - Only public holidays of one country are used, not school holidays or other events.
