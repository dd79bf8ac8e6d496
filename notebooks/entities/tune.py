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
request = "entities"

# %%
from glassbox.data.schema import Schema
from glassbox.families.entities import metrics
from glassbox.families.entities.candidates import TRIALS
from glassbox.families.entities.fit import fitter
from glassbox.families.entities.load_dataset import setting
from glassbox.families.entities.recipe import Recipe
from glassbox.families.entities.scorer import SpanJudge
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
sentences = setting(train, schema, recipe, folds, asked, stage.root, workers=stage.workers)

# %%
chosen = candidate_in(leaderboard, "chosen")

# %% [markdown]
# ## What is searched
# One space a kind of recogniser; only the chosen one's is used.

# %%
epochs = chosen.params.get("epochs", 1)
spaces = {
    "recogniser": {
        "epochs": {"low": epochs, "high": epochs + 2},
        "dropout": {"low": 0.1, "high": 0.4},
        "learning_rate": {"low": 0.0005, "high": 0.002, "log": True},
    },
    "token_head": {"epochs": {"low": 10, "high": 40}, "learning_rate": {"low": 0.005, "high": 0.1, "log": True}},
}

# %%
judge = SpanJudge(sentences)
strongest = leader_run(leaderboard, oof, judge)
trials = TRIALS[asked.cost]
space = spaces.get(chosen.kind, {})
stage.show("search", search_note(space, trials, chosen))

# %% [markdown]
# Trials are counted, never timed. The first is the candidate as it was compared.

# %%
fit = fitter(sentences, seed=asked.seed, threads=stage.threads, memo=stage.cache)
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
# Measured on the same out-of-fold texts before and after.

# %%
stage.show("gain", gain_estimates(tuning), report=True)

# %%
stage.show("best", best_table(tuning), report=True)

# %%
stage.save(best=tuning.best, trials=tuning.trials, tuned_oof=tuning.oof)

# %% [markdown]
# ## Limits of what was shown
# - Recognisers are dear to train, so few trials are made; `cost: high` makes more.
# - The best of several trials is chosen on the very texts that score it; the holdout was not asked.
