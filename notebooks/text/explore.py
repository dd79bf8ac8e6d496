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
# What do the texts look like?
#
# All that is shown here is train; the holdout stays sealed. What is found here is a hint for the recipe and a warning for the
# reader, never a choice: choices are made in folds.

# %% tags=["parameters"]
upstream = {"ingest": ["train", "schema", "split"]}
product = None
request = "reviews"

# %%
from glassbox.data.schema import Schema
from glassbox.families.classification.plots import balance
from glassbox.families.text import explore, log_odds_terms, plots
from glassbox.families.text.dataset import texts_of
from glassbox.families.text.recipe import default_recipe
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("explore", request, upstream, product)
train, split = stage.load("train", "split")
schema = Schema.model_validate(stage.load("schema"))
recipe = default_recipe(schema, stage.request.data.features)
texts = texts_of(train, schema, recipe, None, stage.request, stage.root, stage.vector_cache_dir, workers=stage.workers)
problem, corpus = texts.problem, texts.corpus

# %% [markdown]
# ## The classes
# Where one class is rare, a model that never names it still looks accurate.

# %%
positive = problem.classes[problem.positive]
stage.show("target", balance.target_balance(explore.balance(problem), schema.target, positive), report=True)

# %% [markdown]
# ## How long texts are
# An encoder reads a fixed number of tokens and no more: what stands beyond is lost to it, while models of words read all.
# A class whose texts are longer gives itself away by that alone.

# %%
sizes = log_odds_terms.lengths(corpus.texts)
stage.show("lengths", explore.length_table(sizes, problem))

# %% [markdown]
# Two humps are two kinds of text, which may want two models.

# %%
stage.show("lengths_drawn", plots.lengths(sizes, problem))

# %% [markdown]
# ## The vocabulary
# What stands in one text alone can be learnt by no model of words; models of characters and encoders see into such words.

# %%
counted = log_odds_terms.count(corpus, problem.y, len(problem.classes))
stage.show("vocabulary", explore.vocabulary_facts(counted, sizes, corpus))

# %% [markdown]
# ## What tells the classes apart
# Words that stand out, by how sure that is and not by how often they stand. Read them as a sceptic: a name, a date or a
# signature among them tells where a text came from, not what it says.

# %%
stage.show("telling", explore.telling_table(counted, problem), report=True)

# %%
stage.show("telling_drawn", plots.telling_words(counted, problem), report=True)

# %% [markdown]
# ## Near-duplicates
# The same text twice in train counts twice; with two labels it sets a limit on how right any model can be.

# %%
groups = split.set_index("row_id")["content"].reindex(problem.row_ids).tolist()
stage.show("near_duplicates", explore.near_duplicates(groups, corpus, problem))

# %% [markdown]
# ## Languages
# A model of one language says something of texts in any other, and means nothing by it.

# %%
stage.show("languages", explore.language_table(corpus, problem.row_ids))

# %%
stage.save()

# %% [markdown]
# ## Limits of what was shown
# - Words are counted without their sentence: *not good* counts as good here. The models look at runs of words.
# - Near-duplicates are texts that share nearly all runs of three words; the same thing said in other words is not found.
