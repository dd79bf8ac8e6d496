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
# What will the model see, and what must it never see?

# %% tags=["parameters"]
upstream = {"ingest": ["train", "schema", "split"]}
product = None
request = "groceries"

# %%
from glassbox.data.schema import Schema
from glassbox.families.classification.folds import duplicates_across, folds_table, make_folds
from glassbox.families.vision import leakage
from glassbox.families.vision.dataset import backbones_of, pictures_of
from glassbox.families.vision.recipe import Augmentation, default_recipe, picture_column, recipe_table, default_side
from glassbox.families.vision.thumbnails import varied
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("features", request, upstream, product)
train, split = stage.load("train", "split")
schema = Schema.model_validate(stage.load("schema"))
asked = stage.request

# %% [markdown]
# ## Folds
# All choices are made on these. Pictures that look nearly the same are kept in one fold.

# %%
groups = split.set_index("row_id")["content"].reindex(train["row_id"]).tolist()
folds = make_folds(train["row_id"], train[schema.target], asked.folds, seed=asked.seed, groups=groups)
stage.show("folds", folds_table(folds, train, schema.target, schema.classes))

# %% [markdown]
# ## The recipe
# What is done to a picture before any model sees it, here and in the service alike. These settings can be changed.

# %%
side = default_side(train[picture_column(schema, asked.data.features)].tolist())
framing = "crop"  # crop: the middle square; pad: all of it, on grey; squeeze: all of it, pressed into a square
backbones = backbones_of(asked, stage.root)
recipe = default_recipe(schema, asked.data.features, side=side, framing=framing, backbones=list(range(len(backbones))))

# %% [markdown]
# Pictures that teach a network are varied anew in each epoch. Nothing should be done here that cannot happen to a picture in service:
# a mirrored apple is an apple, a mirrored letter is none.

# %%
augmentation = Augmentation(flip=True, crop=0.6, shift=0, colour=0.2, erase=0.0)
recipe = recipe.model_copy(update={"augmentation": augmentation})
stage.show("recipe", recipe_table(recipe, schema, [backbone.name for backbone in backbones]), report=True)

# %% [markdown]
# The first of each row is as the models see it; the others are what is made of it.

# %%
pictures = pictures_of(
    train, schema, recipe, folds, asked, stage.root, stage.kept, workers=stage.most_threads, progress=stage.progress
)
stage.show("augmentation", varied(pictures.album, seed=asked.seed))

# %% [markdown]
# ## Leaks
# What can be told of a picture without looking at the thing in it: its size, how it is written, its light. If that alone decides the
# class, a model will learn it.

# %%
suspects = leakage.audit(pictures.album, pictures.problem)
stage.show("leaks", leakage.leaks_table(suspects), report=True)

# %%
stage.show("not_read", leakage.unused_columns(recipe.column, [column.name for column in schema.features]))

# %% [markdown]
# A picture of the holdout that stands in train as well would be judged by heart. The holdout itself stays closed: only the names of
# its rows, and of the groups of pictures that look alike, are compared.

# %%
stage.show("duplicates_across", duplicates_across(split))

# %%
stage.save(recipe=recipe, folds=folds, leaks=suspects)

# %% [markdown]
# ## Limits of what was shown
# - Augmentation is a guess at what will happen to pictures in service; whether it helps is for the folds to say, where it is tuned.
# - What gives a class away may be in the picture itself, such as a mark or a background; the map of what was looked at, in the
#   evaluation, shows such things best.
# - Folds judge on pictures of the same cameras and places as those that teach.
