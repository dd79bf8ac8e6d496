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
# What will the recogniser see, and what must it never see?

# %% tags=["parameters"]
upstream = {"ingest": ["train", "schema", "split"]}
product = None
request = "entities"

# %%
from glassbox.data.schema import Schema
from glassbox.families.classification.folds import duplicates_across
from glassbox.families.entities import leakage
from glassbox.families.entities.folds import folds_table, fold_groups
from glassbox.families.entities.load_dataset import default_recipe, setting
from glassbox.families.entities.recipe import recipe_table
from glassbox.families.shared.set_prediction import make_folds
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("features", request, upstream, product)
train, split = stage.load("train", "split")
schema = Schema.model_validate(stage.load("schema"))
asked = stage.request

# %% [markdown]
# ## The recipe
# A span says where something stands: texts are read as they are.

# %%
settings = {"most_characters": 100_000}

# %%
recipe = default_recipe(schema, asked).model_copy(update=settings)
stage.show("recipe", recipe_table(recipe, schema), report=True)

# %% [markdown]
# ## Folds
# A document speaks of the same persons and places from its first sentence to its last: it is kept in one fold. Where there are no
# documents, texts that share nearly all their words are.

# %%
sentences = setting(train, schema, recipe, None, asked, stage.root)
alike = split.set_index("row_id")["content"].reindex(sentences.row_ids).tolist()
folds = make_folds(sentences.row_ids, fold_groups(sentences, alike), asked.folds, seed=asked.seed, units="documents")
stage.show("folds", folds_table(sentences, folds))

# %% [markdown]
# ## Leaks
# A name that makes up much of a type is learnt by heart, and the score on it says little of other names.

# %%
suspects = leakage.audit(sentences)
stage.show("leaks", leakage.leaks_table(suspects), report=True)

# %% [markdown]
# A text of the holdout that stands in train as well would be judged by heart. The holdout stays closed: only names of rows and groups are compared.

# %%
stage.show("duplicates_across", duplicates_across(split))

# %%
stage.save(recipe=recipe, folds=folds, leaks=suspects)

# %% [markdown]
# ## Limits of what was shown
# - Texts of one event in two documents are not kept together.
# - Folds judge on texts of the same time and source as those that teach; names come and go.
