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
# What are the properties of the texts and their classes?
#
# Only the training data is read here, not the holdout. The results inform the feature recipe, but every choice is made by
# cross-validation.

# %% tags=["parameters"]
upstream = {"ingest": ["train", "schema", "split"]}
product = None
request = "reviews"

# %%
from glassbox.data.schema import Schema
from glassbox.families.classification.plots import balance
from glassbox.families.text import explore, log_odds_terms, plots
from glassbox.families.text.load_dataset import text_dataset
from glassbox.families.text.recipe import default_recipe
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("explore", request, upstream, product)
train, split = stage.load("train", "split")
schema = Schema.model_validate(stage.load("schema"))
recipe = default_recipe(schema, stage.request.data.features)
dataset = text_dataset(train, schema, recipe, None, stage.request, stage.resources)
labelled, corpus = dataset.data, dataset.corpus

# %% [markdown]
# ## Class balance
# When one class is rare, a model that never predicts it still has a high accuracy.

# %%
positive = labelled.classes[labelled.positive]
stage.show("target", balance.target_balance(explore.balance(labelled), schema.target, positive), report=True)

# %% [markdown]
# ## Text length
# An encoder reads a limited number of tokens, while n-gram models read the whole text. If the texts of one class are longer,
# length alone is a feature.

# %%
word_counts = log_odds_terms.lengths(corpus.texts)
stage.show("lengths", explore.length_table(word_counts, labelled))

# %% [markdown]
# The axis is logarithmic. Several peaks suggest different kinds of text, which may need separate models.

# %%
stage.show("lengths_plot", plots.length_histogram(word_counts, labelled))

# %% [markdown]
# ## Vocabulary
# A word n-gram model cannot learn a word that occurs in one text only. Character n-grams and encoders can use parts of such words.

# %%
term_counts = log_odds_terms.count_terms(corpus, labelled.y, len(labelled.classes))
stage.show("vocabulary", explore.vocabulary_facts(term_counts, word_counts, corpus))

# %% [markdown]
# ## Distinctive words
# Words are ranked by statistical significance, not by frequency. Names, dates or signatures among them indicate the source of a
# text rather than its content.

# %%
stage.show("distinctive_terms", explore.distinctive_terms_table(term_counts, labelled), report=True)

# %% [markdown]
# The direction of a bar is the class that a word is associated with, and its length the significance of the association.

# %%
stage.show("distinctive_terms_plot", plots.distinctive_terms_plot(term_counts, labelled), report=True)

# %% [markdown]
# ## Near-duplicates
# A duplicated text has twice the weight in training. Near-duplicates with conflicting labels limit the accuracy of any model.

# %%
near_duplicate_groups = split.set_index("row_id")["content"].reindex(labelled.row_ids).tolist()
stage.show("near_duplicates", explore.near_duplicates(near_duplicate_groups, corpus, labelled))

# %% [markdown]
# ## Languages
# A model that is trained on one language also returns predictions for other languages, but they are not reliable.

# %%
stage.show("languages", explore.language_table(corpus, labelled.row_ids))

# %%
stage.save()

# %% [markdown]
# ## Limits
# - Words are counted without context: *not good* counts as *good* here. The models also use n-grams of several words.
# - Near-duplicates share nearly all of their word sequences; paraphrases are not detected.
