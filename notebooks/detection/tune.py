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
# # Tune
# How much better can the winner become?

# %% tags=["parameters"]
upstream = {"ingest": ["train", "schema"], "features": ["recipe", "folds"], "compare": ["leaderboard", "oof"]}
product = None
request = "detect"

# %%
from glassbox.data.schema import Schema
from glassbox.families.detection import metrics
from glassbox.families.detection.candidates import TRIALS
from glassbox.families.detection.fit import fitter
from glassbox.families.detection.load_dataset import scenes_of
from glassbox.families.detection.recipe import Recipe
from glassbox.families.detection.scorer import BoxJudge
from glassbox.families.shared import selection_plots
from glassbox.families.shared.leaderboard import candidate_in
from glassbox.families.shared.set_prediction import leader_run, tune
from glassbox.families.shared.tuning import best_table, gain_estimates, search_note
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("tune", request, upstream, product)
train, folds, leaderboard, oof = stage.load("train", "folds", "leaderboard", "oof")
schema = Schema.model_validate(stage.load("schema"))
recipe = Recipe.model_validate(stage.load("recipe"))
asked = stage.request
scenes = scenes_of(train, schema, recipe, folds, asked, stage.root, stage.vector_cache_dir, workers=stage.max_threads)

# %% [markdown]
# ## What is searched
# The rate at which it learns, how pictures are varied, at which side they are seen, and how much of the backbone learns.

# %%
spaces = {
    "detector": {
        "learning_rate": {"low": 0.001, "high": 0.004, "log": True},
        "zoom": {"low": 0.2, "high": 0.6},
        "colour": {"low": 0.0, "high": 0.3},
        "side": [recipe.side, 3 * recipe.side // 4],
        "unfrozen": ["block", "half"],
    },
}

# %%
chosen = candidate_in(leaderboard, "chosen")
judge = BoxJudge(scenes)
strongest = leader_run(leaderboard, oof, judge)
trials = TRIALS[asked.cost]
space = spaces.get(chosen.kind, {})
stage.show("search", search_note(space, trials, chosen))

# %% [markdown]
# Trials are counted, never timed. The first is the candidate as it was compared.

# %%
fit = fitter(scenes, seed=asked.seed, threads=stage.threads, memo=stage.cache)
tuning = tune(
    chosen,
    space,
    judge,
    fit,
    recipe=recipe.model_dump(),
    trials=trials,
    strongest=strongest,
    metric=leaderboard["metric"],
    seed=asked.seed,
    resamples=metrics.RESAMPLES[asked.cost],
    threads=stage.threads,
    workers=stage.workers,
    progress=stage.progress,
)

# %% [markdown]
# Dots are trials, the line is the best so far, the dashed line is the candidate before tuning.

# %%
stage.show("history", selection_plots.tuning_history(tuning.trials, leaderboard["metric"], tuning.default), report=True)

# %%
stage.show("importances", selection_plots.param_importances(tuning.importances))

# %% [markdown]
# ## Was it worth it?
# Measured on the same out-of-fold pictures before and after.

# %%
stage.show("gain", gain_estimates(tuning), report=True)

# %%
stage.show("best", best_table(tuning), report=True)

# %%
stage.save(best=tuning.best, trials=tuning.trials, tuned_oof=tuning.oof)

# %% [markdown]
# ## Limits of what was shown
# - Detectors are dear to train, so few trials are made; `cost: high` makes more.
# - The best of several trials is chosen on the very pictures that score it; the holdout was not asked.
