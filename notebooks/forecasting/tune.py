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
request = "electricity"

# %%
from glassbox.data.schema import Schema
from glassbox.families.forecasting import metrics
from glassbox.families.forecasting.backtest import Problem
from glassbox.families.forecasting.candidates import TRIALS
from glassbox.families.forecasting.compare import strongest
from glassbox.families.forecasting.dataset import open_panel, saved
from glassbox.families.forecasting.tune import tune
from glassbox.families.shared import selection_plots
from glassbox.families.shared.leaderboard import candidate_in
from glassbox.families.shared.tuning import best_table, gain_estimates, search_note
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("tune", request, upstream, product)
train, folds, leaderboard, oof = stage.load("train", "folds", "leaderboard", "oof")
schema, recipe = Schema.model_validate(stage.load("schema")), saved(stage.load("recipe"))
panel = open_panel(train, schema, stage.request, recipe.step)
problem = Problem.of(panel, recipe, folds["origin"].tolist())

# %% [markdown]
# ## What is searched
# One space a kind of model; only the chosen one's is used. For Prophet: how freely the trend may bend and the seasons may
# swing, and whether they add to the trend or multiply it.

# %%
spaces = {
    "prophet": {
        "changepoint_prior_scale": {"low": 0.005, "high": 0.5, "log": True},
        "seasonality_prior_scale": {"low": 0.1, "high": 20.0, "log": True},
        "seasonality_mode": ["additive", "multiplicative"],
    },
    "boosting": {
        "n_estimators": {"low": 100, "high": 500, "step": 50},
        "learning_rate": {"low": 0.02, "high": 0.2, "log": True},
        "num_leaves": {"low": 7, "high": 127, "log": True},
        "min_data_in_leaf": {"low": 10, "high": 200, "log": True},
        "feature_fraction": {"low": 0.4, "high": 1.0},
        "lambda_l2": {"low": 0.01, "high": 30.0, "log": True},
        "most_lags": {"low": 1, "high": 4},
    },
}

# %%
chosen = candidate_in(leaderboard, "chosen")
leader = strongest(leaderboard, oof, problem)
trials = TRIALS[stage.request.cost]
space = spaces.get(chosen.kind, {})
stage.show("search", search_note(space, trials, chosen))

# %% [markdown]
# Trials are counted, never timed. The first is the candidate as it was compared.

# %%
tuning = tune(
    chosen,
    space,
    problem,
    trials=trials,
    strongest=leader,
    metric=leaderboard["metric"],
    seed=stage.request.seed,
    resamples=metrics.RESAMPLES[stage.request.cost],
    memo=stage.cache,
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
# The gain is measured on the same windows before and after. Only a gain whose whole interval lies above zero is taken; and
# the leader of the comparison stays unless it is beaten in the same way.

# %%
stage.show("gain", gain_estimates(tuning), report=True)

# %%
stage.show("best", best_table(tuning), report=True)

# %%
stage.save(best=tuning.best, trials=tuning.trials, tuned_oof=tuning.oof)

# %% [markdown]
# ## Limits of what was shown
# - The best of many trials is chosen on the very windows that score it, so its gain flatters; the holdout does not.
# - The members of an ensemble are not tuned one by one.
