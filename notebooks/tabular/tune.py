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
request = "churn"

# %%
from glassbox.data.schema import Schema
from glassbox.families.classification import metrics
from glassbox.families.classification.compare import run_of
from glassbox.families.classification.dataset import problem_of
from glassbox.families.shared import selection_plots
from glassbox.families.shared.leaderboard import candidate_in
from glassbox.families.shared.tuning import best_table, gain_estimates, search_note
from glassbox.families.tabular.candidates import TRIALS
from glassbox.families.tabular.recipe import Recipe
from glassbox.families.tabular.tune import tune
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("tune", request, upstream, product)
train, folds, leaderboard, oof = stage.load("train", "folds", "leaderboard", "oof")
schema = Schema.model_validate(stage.load("schema"))
recipe = Recipe.model_validate(stage.load("recipe"))
problem = problem_of(train, schema.target, schema.classes, folds, positive=stage.request.data.positive)

# %% [markdown]
# ## What is searched
# One space a kind of model; only the chosen one's is used. Change a range, add a hyperparameter of the library, and run
# again: trials that were run before are remembered.

# %%
spaces = {
    "logistic_regression": {"C": {"low": 0.001, "high": 100.0, "log": True}, "class_weight": [None, "balanced"]},
    "random_forest": {
        "max_features": {"low": 0.1, "high": 0.8},
        "min_samples_leaf": {"low": 1, "high": 60, "log": True},
        "max_depth": {"low": 4, "high": 24},
    },
    "xgboost": {
        "n_estimators": {"low": 100, "high": 500, "step": 50},
        "learning_rate": {"low": 0.01, "high": 0.2, "log": True},
        "max_depth": {"low": 2, "high": 7},
        "min_child_weight": {"low": 1.0, "high": 30.0, "log": True},
        "subsample": {"low": 0.5, "high": 1.0},
        "colsample_bytree": {"low": 0.4, "high": 1.0},
        "reg_lambda": {"low": 0.1, "high": 30.0, "log": True},
    },
    "lightgbm": {
        "n_estimators": {"low": 100, "high": 500, "step": 50},
        "learning_rate": {"low": 0.01, "high": 0.2, "log": True},
        "num_leaves": {"low": 3, "high": 63, "log": True},
        "min_data_in_leaf": {"low": 5, "high": 100, "log": True},
        "bagging_fraction": {"low": 0.5, "high": 1.0},
        "feature_fraction": {"low": 0.4, "high": 1.0},
        "lambda_l2": {"low": 0.01, "high": 30.0, "log": True},
    },
}

# %%
chosen = candidate_in(leaderboard, "chosen")
simplest = run_of(candidate_in(leaderboard, "simplest"), oof, problem)
trials = TRIALS[stage.request.cost]
space = spaces.get(chosen.kind, {})
stage.show("search", search_note(space, trials, chosen))

# %% [markdown]
# Trials are counted, never timed. The first is the candidate as it was compared; each later one is asked for in the light of
# all before it. A search that is cut short goes on where it was.

# %%
tuning = tune(
    chosen,
    space,
    recipe,
    problem,
    trials=trials,
    simplest=simplest,
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

# %% [markdown]
# Which hyperparameters made the difference between good and bad trials. With few trials this is a hint, not a finding.

# %%
stage.show("importances", selection_plots.param_importances(tuning.importances))

# %% [markdown]
# ## Was it worth it?
# The gain is measured on the same out-of-fold rows before and after. Only a gain whose whole interval lies above zero is
# taken; else the defaults, or the simpler model, stay.

# %%
stage.show("gain", gain_estimates(tuning), report=True)

# %%
stage.show("best", best_table(tuning), report=True)

# %%
stage.save(best=tuning.best, trials=tuning.trials, tuned_oof=tuning.oof)

# %% [markdown]
# ## Limits of what was shown
# - The best of many trials is chosen on the very rows that score it, so its gain flatters; the holdout does not.
# - Only the candidate that was chosen is tuned. One that was far behind might have come further.
