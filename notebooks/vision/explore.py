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
# What do the pictures look like?
#
# All that is shown here is train; the holdout stays sealed. What is found here is a hint for the recipe and a warning for the
# reader, never a choice: choices are made in folds.

# %% tags=["parameters"]
upstream = {"ingest": ["train", "schema", "split"]}
product = None
request = "groceries"

# %%
from glassbox.data.schema import Schema
from glassbox.families.classification.plots import balance
from glassbox.families.vision import explore, plots, reference_features
from glassbox.families.vision.dataset import pictures_of
from glassbox.families.vision.recipe import default_recipe, picture_column, default_side
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("explore", request, upstream, product)
train, split = stage.load("train", "split")
schema = Schema.model_validate(stage.load("schema"))
side = default_side(train[picture_column(schema, stage.request.data.features)].tolist())
recipe = default_recipe(schema, stage.request.data.features, side=side)
pictures = pictures_of(
    train, schema, recipe, None, stage.request, stage.root, stage.kept, workers=stage.most_threads, progress=stage.progress
)
problem, album = pictures.problem, pictures.album

# %% [markdown]
# ## The classes
# Where one class is rare, a model that never names it still looks accurate.

# %%
positive = problem.classes[problem.positive]
stage.show("target", balance.target_balance(explore.balance(problem), schema.target, positive, units="pictures"), report=True)

# %% [markdown]
# Look at the background as much as at the thing: what stands beside it can give a class away.

# %%
stage.show("grid", explore.grid(album, problem), report=True)

# %% [markdown]
# ## Sizes
# All pictures are brought to one size. Where they come in two shapes, they may come from two cameras.

# %%
traits = reference_features.traits_of(album)
stage.show("sizes", plots.sizes(traits))

# %% [markdown]
# ## Light, colour and sharpness
# A model learns these too, whether they are meant or not.

# %%
stage.show("traits", explore.trait_table(traits))

# %% [markdown]
# Where a class is lighter than the others by far, ask whether it is the thing that is light, or the room.

# %%
stage.show("brightness", plots.by_class(traits, problem, "brightness"))

# %%
stage.show("colourfulness", plots.by_class(traits, problem, "colourfulness"))

# %% [markdown]
# ## Near-duplicates
# The same picture twice in train counts twice; with two labels it sets a limit on how right any model can be.

# %%
groups = split.set_index("row_id")["content"].reindex(problem.row_ids).tolist()
stage.show("near_duplicates", explore.near_duplicates(groups, album, problem))

# %% [markdown]
# ## Which look alike
# Classes that stand apart here are easy; classes that lie over one another are where mistakes will be.

# %%
found = explore.vectors(album)
compared, mapped = (explore.some(problem, most) for most in (explore.MOST_COMPARED, explore.MOST_MAPPED))
near = explore.neighbours(found, compared)
agreement = float((explore.agreement(near, problem.y[compared]) > 0.5).mean())
stage.show("map", plots.embedding_map(explore.mapped(found, mapped, stage.request.seed), problem, mapped, agreement), report=True)

# %% [markdown]
# ## Labels that look wrong
# Pictures among whose nearest neighbours there is none of their own class. Some are labelled wrong; some are merely hard.

# %%
stage.show("mislabelled", explore.mislabelled(near, compared, album, problem))

# %%
stage.save()

# %% [markdown]
# ## Limits of what was shown
# - Neighbours are those of a network that was trained on other pictures, or of a few grey pixels where there is none: it may not see
#   what tells these classes apart.
# - Near-duplicates are the same picture written anew; the same scene a step to the left is not found.
