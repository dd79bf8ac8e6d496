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
request = "groceries"

# %%
from glassbox.data.schema import Schema
from glassbox.families.classification import metrics
from glassbox.families.classification.ensemble import leader_run
from glassbox.families.classification.tune import tune
from glassbox.families.shared import selection_plots
from glassbox.families.shared.leaderboard import candidate_in
from glassbox.families.shared.tuning import best_table, gain_estimates, search_note
from glassbox.families.vision.candidates import TRIALS
from glassbox.families.vision.dataset import pictures_of
from glassbox.families.vision.fit import fitter
from glassbox.families.vision.recipe import Recipe
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("tune", request, upstream, product)
train, folds, leaderboard, oof = stage.load("train", "folds", "leaderboard", "oof")
schema = Schema.model_validate(stage.load("schema"))
recipe = Recipe.model_validate(stage.load("recipe"))
pictures = pictures_of(
    train, schema, recipe, folds, stage.request, stage.root, stage.vector_cache_dir,
    workers=stage.max_threads, progress=stage.progress
)

# %% [markdown]
# ## What is searched
# One space a kind of model; only the chosen one's is used: how fast it learns, how pictures are varied and how large they are seen, and
# how much of a pretrained network learns.

# %%
sides = [max(8, recipe.side * share // 4) for share in (2, 3, 4)]
spaces = {
    "embeddings": {"C": {"low": 0.0001, "high": 0.1, "log": True}},
    "fine_tuned": {
        "learning_rate": {"low": 0.00005, "high": 0.003, "log": True},
        "unfrozen": ["head", "block", "all"] if stage.request.cost == "high" else ["head", "block"],
        "crop": [0.4, 0.6, 0.8, 1.0],
        "colour": [0.0, 0.2, 0.4],
        "side": sides,
    },
    "small_network": {
        "learning_rate": {"low": 0.001, "high": 0.01, "log": True},
        "shift": [0, 2, 3],
        "erase": [0.0, 0.3],
        "smoothing": [0.0, 0.1],
    },
}

# %%
chosen = candidate_in(leaderboard, "chosen")
strongest = leader_run(leaderboard, oof, pictures.problem)
trials = TRIALS[stage.request.cost]
space = spaces.get(chosen.kind, {})
stage.show("search", search_note(space, trials, chosen))

# %% [markdown]
# Trials are counted, never timed. The first is the candidate as it was compared; each later one is asked for in the light of
# all before it.

# %%
fit = fitter(pictures, seed=stage.request.seed, threads=stage.threads, memo=stage.cache)
tuning = tune(
    chosen,
    space,
    pictures.problem,
    fit,
    recipe=recipe.model_dump(),
    trials=trials,
    simplest=strongest,
    rival="the leader of the comparison",
    metric=leaderboard["metric"],
    seed=stage.request.seed,
    resamples=metrics.RESAMPLES[stage.request.cost],
    threads=stage.threads,
    workers=stage.workers,
    progress=stage.progress,
)

# %% [markdown]
# Dots are trials, the line is the best so far, the dashed line is the candidate before tuning.

# %%
stage.show("history", selection_plots.tuning_history(tuning.trials, leaderboard["metric"], tuning.default), report=True)

# %% [markdown]
# Which hyperparameters made the difference. With few trials this is a hint, not a finding.

# %%
stage.show("importances", selection_plots.param_importances(tuning.importances))

# %% [markdown]
# ## Was it worth it?
# Measured on the same out-of-fold pictures before and after, and against the leader of the comparison, which stays unless it is beaten.

# %%
stage.show("gain", gain_estimates(tuning), report=True)

# %%
stage.show("best", best_table(tuning), report=True)

# %%
stage.save(best=tuning.best, trials=tuning.trials, tuned_oof=tuning.oof)

# %% [markdown]
# ## Limits of what was shown
# - The best of many trials is chosen on the very pictures that score it, so its gain flatters; the holdout does not.
# - Only the candidate that was chosen is tuned.
