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
# How much does tuning improve the model?

# %% tags=["parameters"]
upstream = {"ingest": ["train", "schema"], "features": ["recipe", "folds"], "compare": ["leaderboard", "oof"]}
product = None
request = "churn"

# %%
from glassbox.data.schema import Schema
from glassbox.families.protocol import family_of
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.selection_plots import importances_plot, tuning_plot
from glassbox.families.shared.tuning import best_table, gain_estimates, search_note, selection_table, tune
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("tune", request, upstream, product)
train, recipe, folds, leaderboard, oof = stage.load("train", "recipe", "folds", "leaderboard", "oof")
schema = Schema.model_validate(stage.load("schema"))
family = family_of(stage.request)
dataset = family.dataset(train, schema, recipe, folds, stage.request, stage.resources)
effort = family.effort(stage.request.cost)

# %% [markdown]
# ## Search space
# Change a range or add a hyperparameter of the library, and run the notebook again: earlier trials are cached.

# %%
candidate = Candidate.model_validate(leaderboard["chosen"])
space = dict(family.search_space(dataset, candidate, stage.request.cost))
# space["learning_rate"] = {"low": 0.01, "high": 0.3, "log": True}
stage.show("search", search_note(space, effort.trials, candidate))

# %% [markdown]
# The budget is a number of trials, so that the result does not depend on the speed of the machine. The first trial has the
# hyperparameters of the comparison; each later trial depends on all trials before it. An interrupted search resumes at the interrupted
# trial.

# %%
tuning = tune(
    family,
    dataset,
    candidate,
    space,
    recipe=recipe,
    leaderboard=leaderboard,
    oof=oof,
    effort=effort,
    resources=stage.resources,
)

# %% [markdown]
# ## Optimisation history
# Dots are trials, the solid line is the best score so far, and the dashed line is the score before tuning.

# %%
stage.show("history", tuning_plot(tuning.trials, leaderboard["metric"], tuning.default), report=True)

# %% [markdown]
# ## Hyperparameter importance
# Which hyperparameters explain the variance of the score between trials? With few trials, the values are not reliable.

# %%
stage.show("importances", importances_plot(tuning.importances))

# %% [markdown]
# ## Gain from tuning
# The gain is measured on the same out-of-fold rows before and after tuning. An interval that includes zero means doubt, not that
# there is no gain.

# %%
stage.show("gain", gain_estimates(tuning), report=True)

# %% [markdown]
# ## Model selection
# All candidates, the best trial and the ensemble compete by their out-of-fold scores.

# %%
table = selection_table(tuning, family.leaderboard_metrics, note=family.leaderboard_note)
stage.show("selection", table, report=True)

# %% [markdown]
# ## Selected model
# The hyperparameters of the model that the evaluation fits.

# %%
stage.show("best", best_table(tuning), report=True)

# %%
stage.save(best=tuning.best, trials=tuning.trials, tuned_oof=tuning.oof)

# %% [markdown]
# ## Limits
# - The best of many trials is selected on the rows that it is scored on, so its gain is optimistic. The score on the holdout is not.
# - Only one candidate is tuned. Another candidate might have improved more.
