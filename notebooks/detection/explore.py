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
# What are the properties of the images and their objects?
#
# Only the training data is read here, not the holdout.

# %% tags=["parameters"]
upstream = {"ingest": ["train", "schema", "split"]}
product = None
request = "detect"

# %%
from glassbox.data.schema import Schema
from glassbox.families.detection import box_drawing, explore, plots
from glassbox.families.detection.load_dataset import detection_dataset
from glassbox.families.detection.recipe import default_recipe
from glassbox.families.vision import reference_features
from glassbox.families.vision.explore import trait_table
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("explore", request, upstream, product)
train, split = stage.load("train", "split")
schema = Schema.model_validate(stage.load("schema"))
recipe = default_recipe(schema, stage.request.data.features)
dataset = detection_dataset(train, schema, recipe, None, stage.request, stage.resources)

# %% [markdown]
# ## Examples
# Check how tight the boxes are and which objects have no box: a detector learns the style of the annotations.

# %%
stage.show("grid", box_drawing.grid(dataset), report=True)

# %% [markdown]
# ## Class balance
# A rare label has few training examples, but the same weight as a frequent one in the mean average precision.

# %%
stage.show("target", plots.label_balance(explore.balance(dataset), schema.target), report=True)

# %% [markdown]
# ## Objects per image
# Images without objects are useful for training: they reduce false positives.

# %%
stage.show("objects", explore.object_facts(dataset))

# %% [markdown]
# ## Label co-occurrence
# If two labels almost always occur together, a detector can infer one from the other.

# %%
stage.show("cooccurrence", explore.cooccurrence_table(dataset))

# %% [markdown]
# ## Object sizes
# Small objects are hard to detect, because only a few of their pixels remain at the input size of the detector.

# %%
stage.show("sizes", plots.object_sizes(dataset), report=True)

# %% [markdown]
# The number and the size of the objects of each label.

# %%
stage.show("size_table", explore.size_table(dataset))

# %% [markdown]
# ## Object positions
# Darker regions contain more objects. A detector has no training examples in empty regions.

# %%
stage.show("object_positions", plots.object_positions(dataset))

# %% [markdown]
# ## Image traits
# Summary statistics of brightness, colour and sharpness; extreme values indicate unusual images.

# %%
stage.show("traits", trait_table(reference_features.traits_of(dataset.images)))

# %% [markdown]
# ## Near-duplicates
# A duplicated image has twice the weight in training. If the boxes of near-duplicates differ, some of them are wrong.

# %%
near_duplicate_groups = split.set_index("row_id")["content"].reindex(dataset.row_ids).tolist()
stage.show("near_duplicates", explore.near_duplicates(near_duplicate_groups, dataset))

# %%
stage.save()

# %% [markdown]
# ## Limits
# - These counts do not reveal missing boxes; review the false positives with high scores in *evaluate*.
# - Near-duplicates are resaved copies of an image; another photo of the same scene is not detected.
