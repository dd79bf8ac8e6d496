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
# What do the entities look like?
#
# All that is shown here is train; the holdout stays sealed.

# %% tags=["parameters"]
upstream = {"ingest": ["train", "schema"]}
product = None
request = "entities"

# %%
from glassbox.data.schema import Schema
from glassbox.families.classification.plots import balance
from glassbox.families.entities import explore
from glassbox.families.entities.load_dataset import default_recipe, setting
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("explore", request, upstream, product)
train = stage.load("train")
schema = Schema.model_validate(stage.load("schema"))
recipe = default_recipe(schema, stage.request)
sentences = setting(train, schema, recipe, None, stage.request, stage.root)

# %% [markdown]
# ## The texts
# Texts in capital letters, as headlines are, hide what tells a name from a word.

# %%
stage.show("texts", explore.length_facts(sentences))

# %% [markdown]
# ## The types
# A rare type has few examples to learn from, and weighs little in a score over all.

# %%
drawn = balance.target_balance(explore.balance(sentences), schema.target, "", kinds="types", units="entities")
stage.show("target", drawn, report=True)

# %% [markdown]
# Names that stand once only say how far a list of names can reach.

# %%
stage.show("types", explore.type_table(sentences), report=True)

# %% [markdown]
# ## Ambiguity
# The same name for two types: only the sentence around it can tell, and not always to a reader either.

# %%
stage.show("ambiguity", explore.ambiguity_table(sentences), report=True)

# %% [markdown]
# ## How it is labelled
# Where an entity ends, and what counts as one, is a convention. A recogniser learns it as it is.

# %%
stage.show("labelled", explore.labelled_examples(sentences))

# %%
stage.save()

# %% [markdown]
# ## Limits of what was shown
# - Names are compared letter by letter: *Bayern* and *Bayern Munich* are two names here.
# - That a label is wrong cannot be seen by counting; the surest errors of the evaluation are a place to look.
