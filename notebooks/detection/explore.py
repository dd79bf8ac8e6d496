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
# Which objects are in the images, how large are they, and where?
#
# This notebook uses the training set only; the holdout is not loaded.

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
# Check how tight the boxes are, and which objects have none: a detector reproduces the annotation style.

# %%
stage.show("grid", box_drawing.grid(dataset), report=True)

# %% [markdown]
# ## Class balance
# A rare label has few training examples, but the same weight as a frequent one in a mean over labels.

# %%
stage.show("target", plots.label_balance(explore.balance(dataset), schema.target), report=True)

# %% [markdown]
# ## Objects per image
# Images without objects are useful for training: they reduce false positives.

# %%
stage.show("objects", explore.object_facts(dataset))

# %% [markdown]
# ## Label co-occurrence
# If two labels nearly always occur together, a detector can infer one from the other.

# %%
stage.show("cooccurrence", explore.cooccurrence_table(dataset))

# %% [markdown]
# ## Object sizes
# Small objects are hard to detect, since few of their pixels remain at the input size of the detector.

# %%
stage.show("sizes", plots.object_sizes(dataset), report=True)

# %%
stage.show("size_table", explore.size_table(dataset))

# %% [markdown]
# ## Object positions
# Darker means more objects. A detector has no training examples for the empty regions.

# %%
stage.show("object_positions", plots.object_positions(dataset))

# %% [markdown]
# ## Image traits
# A detector also depends on brightness, colour and sharpness; extreme values show unusual images.

# %%
stage.show("traits", trait_table(reference_features.traits_of(dataset.images)))

# %% [markdown]
# ## Near-duplicates
# A duplicate counts twice in training; if the boxes of two duplicates differ, one of them is wrong.

# %%
groups = split.set_index("row_id")["content"].reindex(dataset.row_ids).tolist()
stage.show("near_duplicates", explore.near_duplicates(groups, dataset))

# %%
stage.save()

# %% [markdown]
# ## Limits
# - Missing boxes are not visible in these counts; review the false positives with high scores in the evaluation.
# - Near-duplicates are resaved copies of an image; another photo of the same scene is not detected.
