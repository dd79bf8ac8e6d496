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
# Which features does the model use, and do any of them leak the target?

# %% tags=["parameters"]
upstream = {"ingest": ["train", "schema", "split"]}
product = None
request = "churn"

# %%
from glassbox.data.schema import Schema
from glassbox.families.classification import metrics
from glassbox.families.classification.dataset import labelled_rows
from glassbox.families.classification.folds import duplicates_across, folds_table, groups_of, make_folds
from glassbox.families.tabular.dataset import TabularDataset
from glassbox.families.tabular.effort import EFFORT
from glassbox.families.tabular.imbalance import imbalance
from glassbox.families.tabular.leakage import audit, identifiers, leaks_table
from glassbox.families.tabular.recipe import default_recipe
from glassbox.families.tabular.recipe_table import recipe_table
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("features", request, upstream, product)
train, split = stage.load("train", "split")
schema = Schema.model_validate(stage.load("schema"))

# %% [markdown]
# ## Cross-validation folds
# Every model is evaluated on rows that it was not trained on. The fold of a row depends on a hash of its id, so neither the order of
# the rows nor a new column changes it. Rows of a group are in the same fold.

# %%
group_column = stage.request.split.column if stage.request.split.by == "group" else None
groups = groups_of(train, group=group_column, row_name=stage.request.data.id)
folds = make_folds(train["row_id"], train[schema.target], stage.request.folds, seed=stage.request.seed, groups=groups)
labelled = labelled_rows(train, schema.target, schema.classes, folds, positive=stage.request.data.positive)
stage.show("folds", folds_table(folds, train, schema.target, schema.classes))

# %% [markdown]
# ## Leakage check
# A model of each single column predicts the target out of fold. A column that predicts it almost perfectly was often recorded after the
# outcome. Suspected leaks are excluded unless the request allows them by name.

# %%
time_column = stage.request.split.column if stage.request.split.by == "time" else None
cutoff = stage.request.split.cutoff if time_column else None
leaks = audit(labelled, schema, allow=stage.request.data.allow, time=time_column, cutoff=cutoff)
stage.show("leaks", leaks_table(leaks), report=True)

# %% [markdown]
# Identifiers allow a model to memorise training rows and do not generalise.

# %%
stage.show("identifiers", identifiers(leaks, schema.id))

# %% [markdown]
# Duplicates in both train and holdout make the holdout score too optimistic. The content of the holdout is not read here: only row ids
# and hashes are compared.

# %%
stage.show("duplicates_across", duplicates_across(split))

# %% [markdown]
# ## Feature recipe
# The recipe defines the treatment of each column. Medians, scales and categories are fitted on the training rows of each fold only. You
# can change these settings and the treatment of any column.

# %%
settings = {"one_hot_up_to": 30, "min_frequency": 0.005}
edits = {}  # such as {"income": "log", "street": "left out"}

# %%
recipe = default_recipe(schema, leaks, stage.request.data.allow, **settings).edited(edits)
stage.show("recipe", recipe_table(recipe, schema), report=True)

# %% [markdown]
# ## Class imbalance
# A fast model is fitted with and without balanced class weights. Class weights are useful only if they improve the ranking of the rows.

# %%
leading_metric = metrics.leading_metric(stage.request.requirements)
dataset = TabularDataset(labelled, recipe)
stage.show("imbalance", imbalance(dataset, leading_metric, EFFORT[stage.request.cost], stage.resources))

# %%
stage.save(recipe=recipe, folds=folds, leaks=leaks)

# %% [markdown]
# ## Limits
# - A leak that results from a combination of columns is not detected.
# - In production, a column may be recorded later than in this data; ask a domain expert.
# - All folds come from the same period and source. Cross-validation does not measure the effect of later drift.
