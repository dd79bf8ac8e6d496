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
# Which features do the models use, and do any of them leak the target?

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
# Every choice is made by cross-validation on these folds. Near-duplicates are assigned to the same fold.

# %%
near_duplicate_groups = split.set_index("row_id")["content"].reindex(train["row_id"]).tolist()
folds = make_folds(
    train["row_id"], train[schema.target], stage.request.folds, seed=stage.request.seed, groups=near_duplicate_groups
)
stage.show("folds", folds_table(folds, train, schema.target, schema.classes))

# %% [markdown]
# ## Feature recipe
# The recipe defines the preprocessing of texts, which is identical in training and in the service. You can change these settings.

# %%
most_tokens = EFFORT[stage.request.cost].sizes["tokens"]  # longer texts are truncated in the middle
settings = {"markup": True, "encoding": True, "most_characters": 20_000, "most_tokens": most_tokens}

# %%
recipe = default_recipe(schema, stage.request.data.features, **settings)
dataset = text_dataset(train, schema, recipe, folds, stage.request, stage.resources)

# %% [markdown]
# ## Leakage check
# A single word that determines the class is often a signature, a header or the label itself rather than part of the content.

# %%
suspects = leakage.audit(dataset.corpus, dataset.data)
stage.show("leaks", leakage.leaks_table(suspects), report=True)

# %% [markdown]
# Columns that the models do not use. The evaluation uses them to define slices.

# %%
stage.show("unused_columns", leakage.unused_columns(recipe.columns, [column.name for column in schema.features]))

# %% [markdown]
# Near-duplicates in both train and holdout make the holdout score too optimistic. The texts of the holdout are not read here: only
# row ids and the ids of near-duplicate groups are compared.

# %%
stage.show("duplicates_across", duplicates_across(split))

# %% [markdown]
# ## Augmentation
# For each training text, a copy with deleted, swapped or replaced words is added. Augmentation is used only if it improves the
# cross-validated score.

# %%
augmentations = {"low": ["dropout"], "medium": ["dropout", "swap"], "high": ["dropout", "swap", "synonyms"]}[stage.request.cost]
leading_metric = metrics.leading_metric(stage.request.requirements)
synonyms = synonyms_of(dataset.corpus) if "synonyms" in augmentations else None
effort = EFFORT[stage.request.cost]
selected_augmentation, augmentation_gains = select_augmentation(
    dataset, augmentations, leading_metric, effort, stage.resources, synonyms=synonyms
)
stage.show("augmentation", augmentation_gains)

# %% [markdown]
# The final recipe, with the selected augmentation.

# %%
recipe = recipe.model_copy(update={"variation": selected_augmentation})
stage.show("recipe", recipe_table(recipe, schema), report=True)

# %%
stage.save(recipe=recipe, folds=folds, leaks=suspects)

# %% [markdown]
# ## Limits
# - Augmentation is tested with a fast model; a larger model may benefit even if the fast model does not.
# - The leakage check covers single words; it does not detect leaks that are spread over several words.
# - All folds come from the same period and source. Cross-validation does not measure the effect of a later change in topics or
#   vocabulary.
