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
# What do the images look like?
#
# This notebook uses the training set only; the holdout is not loaded. Its findings help to choose the recipe, but all choices are made by
# cross-validation.

# %% tags=["parameters"]
upstream = {"ingest": ["train", "schema", "split"]}
product = None
request = "groceries"

# %%
from glassbox.data.schema import Schema
from glassbox.families.classification.plots import balance
from glassbox.families.vision import explore, plots, reference_features
from glassbox.families.vision.load_dataset import vision_dataset
from glassbox.families.vision.recipe import default_recipe, default_side, picture_column
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("explore", request, upstream, product)
train, split = stage.load("train", "split")
schema = Schema.model_validate(stage.load("schema"))
side = default_side(train[picture_column(schema, stage.request.data.features)].tolist())
recipe = default_recipe(schema, stage.request.data.features, side=side)
pictures = vision_dataset(train, schema, recipe, None, stage.request, stage.resources)
labelled, images = pictures.data, pictures.images

# %% [markdown]
# ## Class balance
# If a class is rare, a model that never predicts it still has a high accuracy.

# %%
positive = labelled.classes[labelled.positive]
stage.show("target", balance.target_balance(explore.balance(labelled), schema.target, positive, units="pictures"), report=True)

# %% [markdown]
# ## Examples by class
# Compare the backgrounds as well as the objects: a background that is typical of one class is a leak.

# %%
stage.show("grid", explore.grid(images, labelled), report=True)

# %% [markdown]
# ## Image sizes
# All images are resized to one size. Two clusters of sizes suggest two cameras. A larger dot means more images of that size.

# %%
traits = reference_features.traits_of(images)
stage.show("sizes", plots.image_sizes(traits))

# %% [markdown]
# ## Image traits
# A model also learns from brightness, colour and sharpness, even where they are unrelated to the class.

# %%
stage.show("traits", explore.trait_table(traits))

# %% [markdown]
# If one class is much brighter than the others, check whether the object or the room is bright. The dot is the median of a class, the
# line its interquartile range.

# %%
stage.show("brightness", plots.trait_by_class(traits, labelled, "brightness"))

# %%
stage.show("colourfulness", plots.trait_by_class(traits, labelled, "colourfulness"))

# %% [markdown]
# ## Near-duplicates
# A duplicate counts twice in training; duplicates with conflicting labels limit the accuracy of any model.

# %%
groups = split.set_index("row_id")["content"].reindex(labelled.row_ids).tolist()
stage.show("near_duplicates", explore.near_duplicates(groups, images, labelled))

# %% [markdown]
# ## Embedding map
# Classes that form separate clusters are easy to classify; classes that overlap are likely to be confused. Nearby points are similar
# images.

# %%
vectors = explore.unit_vectors(images)
compared, mapped = (explore.sample_rows(labelled, most) for most in (explore.MOST_COMPARED, explore.MOST_MAPPED))
neighbours = explore.nearest_neighbours(vectors, compared)
agreement = float((explore.label_agreement(neighbours, labelled.y[compared]) > 0.5).mean())
points = explore.tsne(vectors, mapped, stage.request.seed)
stage.show("map", plots.embedding_map(points, labelled, mapped, agreement), report=True)

# %% [markdown]
# ## Label errors
# These images have no neighbour of their own class. Some are labelled wrongly, others are hard examples.

# %%
stage.show("label_errors", explore.label_errors(neighbours, compared, images, labelled))

# %%
stage.save()

# %% [markdown]
# ## Limits
# - Neighbours are computed from a network pretrained on other images, or from a few grey pixels without one. Neither may capture what
#   distinguishes these classes.
# - Near-duplicates are resaved copies of an image; another photo of the same scene is not detected.
