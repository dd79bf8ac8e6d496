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
# What stands on the pictures, how large, and where?
#
# All that is shown here is train; the holdout stays sealed.

# %% tags=["parameters"]
upstream = {"ingest": ["train", "schema", "split"]}
product = None
request = "detect"

# %%
from glassbox.data.schema import Schema
from glassbox.families.detection import box_drawing, explore, plots
from glassbox.families.detection.load_dataset import scenes_of
from glassbox.families.detection.recipe import default_recipe
from glassbox.families.vision import reference_features
from glassbox.families.vision.explore import trait_table
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("explore", request, upstream, product)
train, split = stage.load("train", "split")
schema = Schema.model_validate(stage.load("schema"))
recipe = default_recipe(schema, stage.request.data.features)
scenes = scenes_of(train, schema, recipe, None, stage.request, stage.root, stage.kept, workers=stage.most_threads)

# %% [markdown]
# ## The pictures
# Look at how tight the boxes are, and at what has none: a detector learns it so.

# %%
stage.show("grid", box_drawing.grid(scenes), report=True)

# %% [markdown]
# ## The labels
# A rare label has few examples to learn from, and weighs as much as a frequent one in a mean over labels.

# %%
stage.show("target", plots.label_balance(explore.balance(scenes), schema.target), report=True)

# %% [markdown]
# A picture without an object teaches too: what is not to be found.

# %%
stage.show("objects", explore.object_facts(scenes))

# %% [markdown]
# Where two labels nearly always stand together, a detector can guess the one from the other.

# %%
stage.show("together", explore.cooccurrence_table(scenes))

# %% [markdown]
# ## Sizes and places
# Small objects are hard: little of them is left at the size that a detector sees.

# %%
stage.show("sizes", plots.sizes(scenes), report=True)

# %%
stage.show("size_table", explore.size_table(scenes))

# %% [markdown]
# Darker means more objects. Where a part of the map is empty, nothing was learnt of objects there.

# %%
stage.show("standing", plots.object_positions(scenes))

# %% [markdown]
# ## Light, colour and sharpness

# %%
stage.show("traits", trait_table(reference_features.traits_of(scenes.album)))

# %% [markdown]
# ## Near-duplicates
# The same picture twice counts twice; with other boxes on it, one of them is wrong.

# %%
groups = split.set_index("row_id")["content"].reindex(scenes.row_ids).tolist()
stage.show("near_duplicates", explore.near_duplicates(groups, scenes))

# %%
stage.save()

# %% [markdown]
# ## Limits of what was shown
# - That an object has no box cannot be seen by counting; what is found surely and called wrong in the evaluation is a place to look.
# - Near-duplicates are the same picture written anew; the same scene a step to the left is not found.
