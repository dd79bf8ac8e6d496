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
# Only the training data is read here, not the holdout.

# %% tags=["parameters"]
upstream = {"ingest": ["train", "schema"]}
product = None
request = "news"

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
dataset = entity_dataset(train, schema, recipe, None, stage.request, stage.resources)

# %% [markdown]
# ## Text length
# Texts in capital letters, such as headlines, lack the capitalisation that distinguishes names from other words.

# %%
stage.show("texts", explore.length_facts(dataset))

# %% [markdown]
# ## Entity types
# A rare type has few training examples and little weight in micro-averaged metrics.

# %%
type_balance = balance.target_balance(explore.balance(dataset), schema.target, "", kinds="types", units="entities")
stage.show("target", type_balance, report=True)

# %% [markdown]
# ## Names by type
# If many names occur only once, a list of known names does not generalise.

# %%
stage.show("types", explore.type_table(dataset), report=True)

# %% [markdown]
# ## Ambiguous names
# If a name occurs with several types, a recogniser has to use the context.

# %%
stage.show("ambiguity", explore.ambiguity_table(dataset), report=True)

# %% [markdown]
# ## Labelled examples
# The annotation guidelines define what counts as an entity and where it ends. A recogniser learns this convention.

# %%
stage.show("labelled_examples", explore.labelled_examples(dataset))

# %%
stage.save()

# %% [markdown]
# ## Limits
# - Names are compared as exact strings: *Bayern* and *Bayern Munich* are two names here.
# - Counts do not reveal wrong labels; the error analysis in *evaluate* can show some of them.
