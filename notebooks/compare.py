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
# Which model performs best in cross-validation?

# %% tags=["parameters"]
upstream = {"ingest": ["train", "schema"], "features": ["recipe", "folds"]}
product = None
request = "churn"

# %%
from glassbox.data.schema import Schema
from glassbox.families.protocol import family_of
from glassbox.families.shared.compare import compare
from glassbox.families.shared.leaderboard import (
    baseline_note,
    candidate_table,
    choice,
    leaderboard_frame,
    leaderboard_table,
    limits_note,
    timing_table,
)
from glassbox.families.shared.selection_plots import leaderboard_plot
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("compare", request, upstream, product)
train, recipe, folds = stage.load("train", "recipe", "folds")
schema = Schema.model_validate(stage.load("schema"))
family = family_of(stage.request)
dataset = family.dataset(train, schema, recipe, folds, stage.request, stage.resources)
effort = family.effort(stage.request.cost)

# %% [markdown]
# ## Candidates
# A candidate is a kind of model with fixed hyperparameters. All candidates are fitted on the same folds. Add or remove one and run
# the notebook again: earlier fits are cached.

# %%
candidates = family.candidates(dataset, stage.request.cost)
# candidates += [Candidate(name="many trees", kind="random_forest", params={"n_estimators": 500, "min_samples_leaf": 1})]
stage.show("candidates", candidate_table(candidates))

# %% [markdown]
# Candidates are ranked by the first required metric that can be computed from out-of-fold predictions, or else by the default metric
# of the task.

# %%
metric = family.primary_metric(stage.request.requirements)
comparison = compare(family, dataset, candidates, metric, effort, stage.resources)
leaderboard = comparison.leaderboard

# %% [markdown]
# ## Leaderboard
# The best candidate is first. The last column shows the difference to it on the same rows, with a confidence interval: if the interval
# includes zero, the difference may be due to chance.

# %%
table = leaderboard_table(leaderboard, family.leaderboard_metrics, note=family.leaderboard_note)
stage.show("leaderboard", table, report=True)

# %% [markdown]
# Dots are scores, lines are confidence intervals, and the dashed line is the required value. Candidates with overlapping intervals can
# still differ significantly, because they are evaluated on the same rows: see the differences in the table.

# %%
required = stage.request.requirements.get(metric)
figure = leaderboard_plot(leaderboard_frame(leaderboard), metric, required.value if required else None)
stage.show("leaderboard_figure", figure, report=True)

# %% [markdown]
# ## Candidate to tune
# A candidate that does not beat the baseline of the task, if there is one, is never tuned or selected.

# %%
if "baseline_candidate" in leaderboard:
    stage.show("baseline", baseline_note(leaderboard), report=True)
stage.show("choice", choice(leaderboard), report=True)

# %% [markdown]
# ## Training time
# Training times depend on the machine, so they do not affect the selection.

# %%
stage.show("timing", timing_table(comparison.timing), measured=True)

# %%
stage.save(leaderboard=leaderboard, oof=comparison.oof)

# %% [markdown]
# ## Limits
# - Each candidate has one set of hyperparameters; a lower-ranked candidate might be better after tuning.
# - The score of the best of several candidates is optimistic. The score on the holdout is not.

# %%
stage.show("limits", limits_note(family.limits))
