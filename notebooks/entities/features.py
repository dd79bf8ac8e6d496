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
# Which inputs do the recognisers use, and do any of them leak the target?

# %% tags=["parameters"]
upstream = {"ingest": ["train", "schema", "split"]}
product = None
request = "news"

# %%
from glassbox.data.schema import Schema
from glassbox.families.classification.folds import duplicates_across
from glassbox.families.entities import leakage
from glassbox.families.entities.folds import fold_groups, folds_table
from glassbox.families.entities.load_dataset import default_recipe, entity_dataset
from glassbox.families.entities.recipe import recipe_table
from glassbox.families.shared.folds import group_folds
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("features", request, upstream, product)
train, split = stage.load("train", "split")
schema = Schema.model_validate(stage.load("schema"))

# %% [markdown]
# ## Feature recipe
# Texts are not modified, so that the character offsets of entities remain valid. You can change this setting.

# %%
settings = {"most_characters": 100_000}

# %%
recipe = default_recipe(schema, stage.request).model_copy(update=settings)
stage.show("recipe", recipe_table(recipe, schema), report=True)

# %% [markdown]
# ## Cross-validation folds
# The texts of a document mention the same names, so all texts of a document are assigned to one fold. If the data has no documents,
# near-duplicates are assigned to one fold.

# %%
dataset = entity_dataset(train, schema, recipe, None, stage.request, stage.resources)
near_duplicate_groups = split.set_index("row_id")["content"].reindex(dataset.row_ids).tolist()
documents_or_duplicates = fold_groups(dataset, near_duplicate_groups)
folds = group_folds(dataset.row_ids, documents_or_duplicates, stage.request.folds, seed=stage.request.seed, units="documents")
stage.show("folds", folds_table(dataset, folds))

# %% [markdown]
# ## Leakage check
# If a single name makes up a large share of a type, the score of that type does not generalise to other names.

# %%
suspects = leakage.audit(dataset)
stage.show("leaks", leakage.leaks_table(suspects), report=True)

# %% [markdown]
# Near-duplicates in both train and holdout make the holdout score too optimistic. The texts of the holdout are not read here: only
# row ids and the ids of near-duplicate groups are compared.

# %%
stage.show("duplicates_across", duplicates_across(split))

# %%
stage.save(recipe=recipe, folds=folds, leaks=suspects)

# %% [markdown]
# ## Limits
# - Documents about the same event can be in different folds.
# - All folds come from the same period and source. Cross-validation does not measure the effect of new names.
