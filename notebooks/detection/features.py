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
# Which inputs do the detectors use, and do any of them leak the target?

# %% tags=["parameters"]
upstream = {"ingest": ["train", "schema", "split"]}
product = None
request = "detect"

# %%
from glassbox.data.schema import Schema
from glassbox.families.classification.folds import duplicates_across
from glassbox.families.detection import leakage
from glassbox.families.detection.box_drawing import augmentation_examples
from glassbox.families.detection.dataset import sizes_of
from glassbox.families.detection.folds import folds_table
from glassbox.families.detection.load_dataset import detection_dataset
from glassbox.families.detection.recipe import Augmentation, default_recipe, default_side, recipe_table
from glassbox.families.shared.folds import group_folds
from glassbox.families.vision.recipe import picture_column
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("features", request, upstream, product)
train, split = stage.load("train", "split")
schema = Schema.model_validate(stage.load("schema"))

# %% [markdown]
# ## Feature recipe
# Images are padded with grey to a square, because objects outside a crop could not be detected. The training time grows with the square
# of the side. You can change these settings.

# %%
side = default_side(sizes_of(train[picture_column(schema, stage.request.data.features)].tolist(), stage.workers))

# %% [markdown]
# Training images are augmented together with their boxes. Use only transformations that preserve the labels: a mirrored pear is still a
# pear, but a left-turn sign becomes a right-turn sign.

# %%
augmentation = Augmentation(flip=True, zoom=0.4, colour=0.2)
recipe = default_recipe(schema, stage.request.data.features, side=side, augmentation=augmentation)
stage.show("recipe", recipe_table(recipe, schema, stage.request.weights.backbones), report=True)

# %% [markdown]
# ## Cross-validation folds
# Every choice is made by cross-validation on these folds. Near-duplicates are assigned to the same fold.

# %%
near_duplicate_groups = split.set_index("row_id")["content"].reindex(train["row_id"]).tolist()
folds = group_folds(
    train["row_id"].tolist(),
    near_duplicate_groups,
    stage.request.folds,
    seed=stage.request.seed,
    units="groups of near-duplicates",
)
dataset = detection_dataset(train, schema, recipe, folds, stage.request, stage.resources)
stage.show("folds", folds_table(dataset, folds))

# %% [markdown]
# ## Augmentation
# The first image of each row is the original; the others are augmented copies of it.

# %%
stage.show("augmentation", augmentation_examples(dataset, seed=stage.request.seed))

# %% [markdown]
# ## Leakage check
# If the position, the size or the number of objects determines the label, a detector can use it instead of the object's appearance.

# %%
suspects = leakage.audit(dataset)
stage.show("leaks", leakage.leaks_table(suspects), report=True)

# %% [markdown]
# Near-duplicates in both train and holdout make the holdout score too optimistic. The images of the holdout are not read here: only row
# ids and the ids of near-duplicate groups are compared.

# %%
stage.show("duplicates_across", duplicates_across(split))

# %%
stage.save(recipe=recipe, folds=folds, leaks=suspects)

# %% [markdown]
# ## Limits
# - Augmentation is an assumption about the images in production; tuning measures its effect by cross-validation.
# - Near-duplicates are in the same fold, but different images of the same object can be in different folds.
