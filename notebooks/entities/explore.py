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
# What are the properties of the entities and their texts?
#
# This notebook shows the training data only; the holdout is not read.

# %% tags=["parameters"]
upstream = {"ingest": ["train", "schema"]}
product = None
request = "entities"

# %%
from glassbox.data.schema import Schema
from glassbox.families.classification.plots import balance
from glassbox.families.entities import explore
from glassbox.families.entities.load_dataset import default_recipe, entity_dataset
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("explore", request, upstream, product)
train = stage.load("train")
schema = Schema.model_validate(stage.load("schema"))
recipe = default_recipe(schema, stage.request)
sentences = entity_dataset(train, schema, recipe, None, stage.request, stage.resources)

# %% [markdown]
# ## Text length
# Texts in capital letters, such as headlines, lack the capitalisation that distinguishes names from other words.

# %%
stage.show("texts", explore.length_facts(sentences))

# %% [markdown]
# ## Type balance
# A rare type has few training examples and little weight in micro-averaged metrics.

# %%
type_balance = balance.target_balance(explore.balance(sentences), schema.target, "", kinds="types", units="entities")
stage.show("target", type_balance, report=True)

# %% [markdown]
# ## Names by type
# The share of names that occur only once shows how well a list of known names can generalise.

# %%
stage.show("types", explore.type_table(sentences), report=True)

# %% [markdown]
# ## Ambiguous names
# When a name occurs with several types, a recogniser has to use the context.

# %%
stage.show("ambiguity", explore.ambiguity_table(sentences), report=True)

# %% [markdown]
# ## Labelled examples
# What counts as an entity, and where it ends, is a convention of the labels. A recogniser learns this convention.

# %%
stage.show("labelled_examples", explore.labelled_examples(sentences))

# %%
stage.save()

# %% [markdown]
# ## Limits
# - Names are compared as exact strings: *Bayern* and *Bayern Munich* are two names here.
# - Counts do not reveal wrong labels; the error analysis of the evaluation can show some of them.
