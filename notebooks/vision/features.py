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
# Which inputs does the model receive, and which of them leak the class?

# %% tags=["parameters"]
upstream = {"ingest": ["train", "schema", "split"]}
product = None
request = "groceries"

# %%
from glassbox.data.schema import Schema
from glassbox.families.classification.folds import duplicates_across, folds_table, make_folds
from glassbox.families.vision import leakage
from glassbox.families.vision.load_dataset import backbones_of, vision_dataset
from glassbox.families.vision.recipe import Augmentation, default_recipe, default_side, picture_column, recipe_table
from glassbox.families.vision.thumbnails import augmentation_examples
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("features", request, upstream, product)
train, split = stage.load("train", "split")
schema = Schema.model_validate(stage.load("schema"))

# %% [markdown]
# ## Folds
# All choices are made by cross-validation on these folds. Near-duplicates are always in the same fold.

# %%
groups = split.set_index("row_id")["content"].reindex(train["row_id"]).tolist()
folds = make_folds(train["row_id"], train[schema.target], stage.request.folds, seed=stage.request.seed, groups=groups)
stage.show("folds", folds_table(folds, train, schema.target, schema.classes))

# %% [markdown]
# ## Recipe
# The preprocessing is identical for training and service. These settings can be changed.

# %%
side = default_side(train[picture_column(schema, stage.request.data.features)].tolist())
framing = "crop"  # crop: the central square; pad: padded with grey to a square; squeeze: rescaled to a square
backbones = backbones_of(stage.request, stage.root)
recipe = default_recipe(schema, stage.request.data.features, side=side, framing=framing, backbones=list(range(len(backbones))))

# %% [markdown]
# Training images are augmented again in each epoch. Use only transformations that occur in the service: a mirrored apple is still an
# apple, but a mirrored letter is not a letter.

# %%
augmentation = Augmentation(flip=True, crop=0.6, shift=0, colour=0.2, erase=0.0)
recipe = recipe.model_copy(update={"augmentation": augmentation})
stage.show("recipe", recipe_table(recipe, schema, [backbone.name for backbone in backbones]), report=True)

# %% [markdown]
# ## Augmentation
# The first image of each row is the original; the others are augmented copies of it.

# %%
pictures = vision_dataset(train, schema, recipe, folds, stage.request, stage.resources)
stage.show("augmentation", augmentation_examples(pictures.images, seed=stage.request.seed))

# %% [markdown]
# ## Leakage audit
# If the size, the file size or the brightness of an image alone determines its class, a model learns it instead of the object.

# %%
suspects = leakage.audit(pictures.images, pictures.data)
stage.show("leaks", leakage.leaks_table(suspects), report=True)

# %%
stage.show("unused_columns", leakage.unused_columns(recipe.column, [column.name for column in schema.features]))

# %% [markdown]
# Holdout images with a duplicate in the training set would be predicted from memory. The holdout is not loaded here: only row ids and
# near-duplicate groups are compared.

# %%
stage.show("duplicates_across", duplicates_across(split))

# %%
stage.save(recipe=recipe, folds=folds, leaks=suspects)

# %% [markdown]
# ## Limits
# - Augmentation is an assumption about the images in service; tuning measures by cross-validation whether it helps.
# - A leak may be in the image itself, such as a watermark or a background; the Grad-CAM heatmaps of the evaluation show it best.
# - Folds contain images of the same cameras and places; they do not measure the performance on others.
