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
# What will the detector see, and what must it never see?

# %% tags=["parameters"]
upstream = {"ingest": ["train", "schema", "split"]}
product = None
request = "detect"

# %%
from glassbox.data.schema import Schema
from glassbox.families.classification.folds import duplicates_across
from glassbox.families.detection import leakage
from glassbox.families.detection.box_drawing import varied
from glassbox.families.detection.dataset import sizes_of
from glassbox.families.detection.folds import folds_table
from glassbox.families.detection.load_dataset import scenes_of
from glassbox.families.detection.recipe import Augmentation, default_recipe, recipe_table, default_side
from glassbox.families.shared.set_prediction import make_folds
from glassbox.families.vision.recipe import picture_column
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("features", request, upstream, product)
train, split = stage.load("train", "split")
schema = Schema.model_validate(stage.load("schema"))
asked = stage.request

# %% [markdown]
# ## The recipe
# The whole of a picture is seen, on grey where it is no square: what is cut off could not be found. Twice the side takes four times as long.

# %%
side = default_side(sizes_of(train[picture_column(schema, asked.data.features)].tolist(), stage.workers))

# %% [markdown]
# Pictures that teach are varied, and their boxes with them. Nothing should be done here that cannot happen in service: a mirrored
# pear is a pear, a mirrored sign is none.

# %%
augmentation = Augmentation(flip=True, zoom=0.4, colour=0.2)
recipe = default_recipe(schema, asked.data.features, side=side, augmentation=augmentation)
stage.show("recipe", recipe_table(recipe, schema, asked.weights.backbones), report=True)

# %% [markdown]
# ## Folds
# All choices are made on these. Pictures that look nearly the same are kept in one fold.

# %%
groups = split.set_index("row_id")["content"].reindex(train["row_id"]).tolist()
folds = make_folds(train["row_id"].tolist(), groups, asked.folds, seed=asked.seed, units="pictures that do not look alike")
scenes = scenes_of(train, schema, recipe, folds, asked, stage.root, stage.kept, workers=stage.most_threads)
stage.show("folds", folds_table(scenes, folds))

# %% [markdown]
# ## What augmentation does
# The first of each row is as detectors see it; the others are what is made of it.

# %%
stage.show("augmentation", varied(scenes, seed=asked.seed))

# %% [markdown]
# ## Leaks
# What can be told of an object without looking at it: where it stands, how large it is, how many are beside it. If that alone decides the
# label, a detector will learn it.

# %%
suspects = leakage.audit(scenes)
stage.show("leaks", leakage.leaks_table(suspects), report=True)

# %% [markdown]
# A picture of the holdout that stands in train as well would be judged by heart. The holdout stays closed: only names of rows, and of
# groups of pictures that look alike, are compared.

# %%
stage.show("duplicates_across", duplicates_across(split))

# %%
stage.save(recipe=recipe, folds=folds, leaks=suspects)

# %% [markdown]
# ## Limits of what was shown
# - Augmentation is a guess at what will happen to pictures in service; whether it helps is for the folds to say, where it is tuned.
# - The same object on two pictures is not known as the same: folds keep pictures together that look alike, not things.
