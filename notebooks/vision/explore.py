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
# What are the properties of the images and their classes?
#
# Only the training data is read here, not the holdout. The results inform the feature recipe, but every choice is made by
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
dataset = vision_dataset(train, schema, recipe, None, stage.request, stage.resources)
labelled, images = dataset.data, dataset.images

# %% [markdown]
# ## Class balance
# When one class is rare, a model that never predicts it still has a high accuracy.

# %%
positive = labelled.classes[labelled.positive]
stage.show("target", balance.target_balance(explore.balance(labelled), schema.target, positive, units="pictures"), report=True)

# %% [markdown]
# ## Examples by class
# Compare the backgrounds as well as the objects: a background that occurs with one class only is a leak.

# %%
stage.show("grid", explore.grid(images, labelled), report=True)

# %% [markdown]
# ## Image sizes
# All images are resized to one size. Clusters of sizes suggest different cameras. A larger dot means more images of that size.

# %%
traits = reference_features.traits_of(images)
stage.show("sizes", plots.image_sizes(traits))

# %% [markdown]
# ## Image traits
# Summary statistics of brightness, colour and sharpness. A model can use these traits instead of the objects.

# %%
stage.show("traits", explore.trait_table(traits))

# %% [markdown]
# Dots are medians and lines interquartile ranges. If one class is much brighter than the others, check whether the object or the
# background is bright.

# %%
stage.show("brightness", plots.trait_by_class(traits, labelled, "brightness"))

# %% [markdown]
# Different colours can likewise result from the objects or from the lighting.

# %%
stage.show("colourfulness", plots.trait_by_class(traits, labelled, "colourfulness"))

# %% [markdown]
# ## Near-duplicates
# A duplicated image has twice the weight in training. Near-duplicates with conflicting labels limit the accuracy of any model.

# %%
near_duplicate_groups = split.set_index("row_id")["content"].reindex(labelled.row_ids).tolist()
stage.show("near_duplicates", explore.near_duplicates(near_duplicate_groups, images, labelled))

# %% [markdown]
# ## Embedding map
# A t-SNE projection of the image embeddings: nearby points are similar images. Classes in separate clusters are easy to classify;
# overlapping classes are likely to be confused.

# %%
vectors = explore.unit_vectors(images)
compared_rows, mapped_rows = (explore.sample_rows(labelled, most) for most in (explore.MOST_COMPARED, explore.MOST_MAPPED))
neighbours = explore.nearest_neighbours(vectors, compared_rows)
neighbour_agreement = float((explore.label_agreement(neighbours, labelled.y[compared_rows]) > 0.5).mean())
tsne_points = explore.tsne(vectors, mapped_rows, stage.request.seed)
stage.show("map", plots.embedding_map(tsne_points, labelled, mapped_rows, neighbour_agreement), report=True)

# %% [markdown]
# ## Label errors
# The nearest neighbours of these images belong to other classes. Some of the images are mislabelled, others are hard examples.

# %%
stage.show("label_errors", explore.label_errors(neighbours, compared_rows, images, labelled))

# %%
stage.save()

# %% [markdown]
# ## Limits
# - Embeddings come from a network that was pretrained on other images or, without one, from small greyscale copies of the images. They may
#   not capture the differences between these classes.
# - Near-duplicates are resaved copies of an image; another photo of the same scene is not detected.
