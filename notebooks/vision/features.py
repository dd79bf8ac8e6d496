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
# Which inputs do the models use, and do any of them leak the target?

# %% tags=["parameters"]
upstream = {"ingest": ["train", "schema", "split"]}
product = None
request = "groceries"

# %%
from glassbox.data.schema import Schema
from glassbox.families.classification.folds import duplicates_across, folds_table, make_folds
from glassbox.families.vision import leakage
from glassbox.families.vision.input_size import compare_sides, sensible_sides
from glassbox.families.vision.load_dataset import backbones_of, vision_dataset
from glassbox.families.vision.recipe import Augmentation, default_recipe, default_side, picture_column, recipe_table
from glassbox.families.vision.thumbnails import augmentation_examples
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
# The recipe defines the preprocessing of images, which is identical in training and in the service. You can change these settings.

# %%
natural_side = default_side(train[picture_column(schema, stage.request.data.features)].tolist())
framing = "crop"  # crop: the central square; pad: padded with grey to a square; squeeze: rescaled to a square
backbones = backbones_of(stage.request, stage.root)
recipe = default_recipe(
    schema, stage.request.data.features, side=natural_side, framing=framing, backbones=list(range(len(backbones)))
)

# %% [markdown]
# ## Input size
# Pretrained networks recognise little in images that are much smaller than those on which they were trained. Small images are therefore
# enlarged; the size is chosen by cross-validation.

# %%
sides = sensible_sides(natural_side, pretrained=bool(backbones))
dataset = vision_dataset(train, schema, recipe, folds, stage.request, stage.resources)
side, input_size = compare_sides(dataset.images, dataset.data, sides, stage.resources)
stage.show("input_size", input_size)

# %% [markdown]
# Training images are augmented anew in each epoch. Use only transformations that preserve the class: a mirrored apple is still an apple,
# but a mirrored *b* is a *d*.

# %%
augmentation = Augmentation(flip=True, crop=0.6, shift=0, colour=0.2, erase=0.0)
recipe = recipe.model_copy(update={"side": side, "augmentation": augmentation})
stage.show("recipe", recipe_table(recipe, schema, [backbone.name for backbone in backbones]), report=True)

# %% [markdown]
# ## Augmentation
# The first image of each row is the original; the others are augmented copies of it.

# %%
dataset = vision_dataset(train, schema, recipe, folds, stage.request, stage.resources)
stage.show("augmentation", augmentation_examples(dataset.images, seed=stage.request.seed))

# %% [markdown]
# ## Leakage check
# If the dimensions, the file size or the brightness of an image determine its class, a model can use them instead of the object.

# %%
suspects = leakage.audit(dataset.images, dataset.data)
stage.show("leaks", leakage.leaks_table(suspects), report=True)

# %% [markdown]
# Columns that the models do not use. The evaluation uses them to define slices.

# %%
stage.show("unused_columns", leakage.unused_columns(recipe.column, [column.name for column in schema.features]))

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
# - A leak in the image itself, such as a watermark or a background, is not detected here; see the Grad-CAM heatmaps in *evaluate*.
# - All folds contain images from the same cameras and places. Cross-validation does not measure the performance on others.
