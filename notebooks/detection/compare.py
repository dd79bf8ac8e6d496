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
# # Compare
# Which kind of detector deserves to be tuned?

# %% tags=["parameters"]
upstream = {"ingest": ["train", "schema"], "features": ["recipe", "folds"]}
product = None
request = "detect"

# %%
from glassbox.data.schema import Schema
from glassbox.families.detection import metrics
from glassbox.families.detection.candidates import candidates, finest_stride
from glassbox.families.detection.fit import fitter
from glassbox.families.detection.load_dataset import scenes_of
from glassbox.families.detection.models import KINDS
from glassbox.families.detection.recipe import Recipe
from glassbox.families.detection.scorer import OVER_PICTURES, BoxJudge
from glassbox.families.shared import selection_plots
from glassbox.families.shared.candidates import candidate_table
from glassbox.families.shared.leaderboard import choice, leaderboard_frame, leaderboard_table, timing_table
from glassbox.families.shared.set_prediction import compare
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("compare", request, upstream, product)
train, folds = stage.load("train", "folds")
schema = Schema.model_validate(stage.load("schema"))
recipe = Recipe.model_validate(stage.load("recipe"))
asked = stage.request
scenes = scenes_of(train, schema, recipe, folds, asked, stage.root, stage.vector_cache_dir, workers=stage.max_threads)

# %% [markdown]
# These are tried, on the same folds: saying nothing, a detector as it comes, and detectors that learn. Add one, drop one, and run the
# cell again: what was fitted before is remembered.

# %%
finest = finest_stride(scenes.boxes, scenes.sizes, recipe.side)
backbones = [backbone.name for backbone in scenes.album.backbones]
tried = candidates(asked.cost, backbones, scenes.detector is not None, finest)
# tried += [Candidate(name="all of it", kind="detector", params={"unfrozen": "all", "epochs": 30})]
stage.show("candidates", candidate_table(tried))

# %% [markdown]
# A box takes an object of its label if they cover one another well enough; how well is enough is part of the metric.

# %%
leading = metrics.leading_metric(asked.requirements)
fit = fitter(scenes, seed=asked.seed, threads=stage.threads, memo=stage.cache)
comparison = compare(
    tried,
    BoxJudge(scenes),
    fit,
    KINDS,
    metric=leading,
    seed=asked.seed,
    resamples=metrics.RESAMPLES[asked.cost],
    threads=stage.threads,
    workers=stage.workers,
    progress=stage.progress,
)

# %% [markdown]
# ## The leaderboard
# The best stands first; the last column says how far each one is behind it on the very same pictures.

# %%
stage.show(
    "leaderboard",
    leaderboard_table(comparison.leaderboard, ("map", "map_50", "map_75", "f1"), note=OVER_PICTURES),
    report=True,
)

# %% [markdown]
# Dots are over all out-of-fold pictures, lines are 95 % intervals; a dashed line is what the request asks for.

# %%
bound = asked.requirements.get(leading)
stage.show(
    "leaderboard_figure",
    selection_plots.leaderboard(leaderboard_frame(comparison.leaderboard), leading, bound.value if bound else None),
    report=True,
)

# %% [markdown]
# ## Which one is tuned?

# %%
stage.show("choice", choice(comparison.leaderboard), report=True)

# %% [markdown]
# What each one costs. Seconds belong to the machine, so nothing is decided by them.

# %%
stage.show("timing", timing_table(comparison.timing), measured=True)

# %%
stage.save(leaderboard=comparison.leaderboard, oof=comparison.oof)

# %% [markdown]
# ## Limits of what was shown
# - A detector as it comes answers the labels that it knows by the same name; of others it says nothing.
# - Intervals speak of the pictures that judged, not of other pictures that might have taught.
