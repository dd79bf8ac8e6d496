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
# Which features do the models read, and do any of them leak the label?

# %% tags=["parameters"]
upstream = {"ingest": ["train", "schema", "split"]}
product = None
request = "reviews"

# %%
from glassbox.data.schema import Schema
from glassbox.families.classification import metrics
from glassbox.families.classification.folds import duplicates_across, folds_table, make_folds
from glassbox.families.text import leakage
from glassbox.families.text.effort import EFFORT
from glassbox.families.text.load_dataset import synonyms_of, text_dataset
from glassbox.families.text.recipe import default_recipe, recipe_table
from glassbox.families.text.select_augmentation import select_augmentation
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("features", request, upstream, product)
train, split = stage.load("train", "split")
schema = Schema.model_validate(stage.load("schema"))

# %% [markdown]
# ## Cross-validation folds
# All choices are made on these folds. Near-duplicates of a text are assigned to the same fold.

# %%
groups = split.set_index("row_id")["content"].reindex(train["row_id"]).tolist()
folds = make_folds(train["row_id"], train[schema.target], stage.request.folds, seed=stage.request.seed, groups=groups)
stage.show("folds", folds_table(folds, train, schema.target, schema.classes))

# %% [markdown]
# ## Feature recipe
# The recipe preprocesses texts in the same way for training and for the service. You can change these settings.

# %%
most_tokens = EFFORT[stage.request.cost].sizes["tokens"]  # half from each end of a longer text
settings = {"markup": True, "encoding": True, "most_characters": 20_000, "most_tokens": most_tokens}

# %%
recipe = default_recipe(schema, stage.request.data.features, **settings)
texts = text_dataset(train, schema, recipe, folds, stage.request, stage.resources)

# %% [markdown]
# ## Leakage check
# A single word that determines the class is more often a signature, a header or the label itself than part of the content.

# %%
suspects = leakage.audit(texts.corpus, texts.data)
stage.show("leaks", leakage.leaks_table(suspects), report=True)

# %%
stage.show("unused_columns", leakage.unused_columns(recipe.columns, [column.name for column in schema.features]))

# %% [markdown]
# If a near-duplicate of a holdout text were in train, its score would be too optimistic. The texts of the holdout are not read
# here: only row ids and the ids of near-duplicate groups are compared.

# %%
stage.show("duplicates_across", duplicates_across(split))

# %% [markdown]
# ## Augmentation
# Each training text of a fold is added once more with words deleted, swapped or replaced by synonyms. Augmentation is used only
# if it improves the cross-validated score.

# %%
augmentations = {"low": ["dropout"], "medium": ["dropout", "swap"], "high": ["dropout", "swap", "synonyms"]}[stage.request.cost]
leading = metrics.leading_metric(stage.request.requirements)
synonyms = synonyms_of(texts.corpus) if "synonyms" in augmentations else None
effort = EFFORT[stage.request.cost]
selected, gains = select_augmentation(texts, augmentations, leading, effort, stage.resources, synonyms=synonyms)
stage.show("augmentation", gains)

# %%
recipe = recipe.model_copy(update={"variation": selected})
stage.show("recipe", recipe_table(recipe, schema), report=True)

# %%
stage.save(recipe=recipe, folds=folds, leaks=suspects)

# %% [markdown]
# ## Limits
# - Augmentation is tested with a cheap model; a more expensive model may benefit where the cheap one does not.
# - The leakage check covers single words; it does not detect a marker of the source that is spread over several words.
# - All folds come from the same period and source. Cross-validation cannot show the effect of a later change in topics or
#   vocabulary.
