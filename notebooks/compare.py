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
# Which models are worth tuning?

# %% tags=["parameters"]
upstream = {"ingest": ["train", "schema"], "features": ["recipe", "folds"]}
product = None
request = "churn"

# %%
from glassbox.data.schema import Schema
from glassbox.families.protocol import family_of
from glassbox.families.shared import leaderboard as board
from glassbox.families.shared.compare import compare
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
# All candidates are fitted on the same folds. Add or remove one and run the cell again: fits that were run before are cached.

# %%
candidates = family.candidates(dataset, stage.request.cost)
# candidates += [Candidate(name="many trees", kind="random_forest", params={"n_estimators": 500, "min_samples_leaf": 1})]
stage.show("candidates", board.candidate_table(candidates))

# %% [markdown]
# The metric that decides is the first requirement that out-of-fold predictions can be scored by, or the family's default.

# %%
metric = family.primary_metric(stage.request.requirements)
comparison = compare(family, dataset, candidates, metric, effort, stage.resources)
leaderboard = comparison.leaderboard

# %% [markdown]
# ## Leaderboard
# The best candidate is first. The last column is how far each candidate is behind the leader on the same rows, with the 95 %
# interval of that difference: a difference whose interval includes zero may be chance.

# %%
table = board.leaderboard_table(leaderboard, family.leaderboard_metrics, note=family.leaderboard_note)
stage.show("leaderboard", table, report=True)

# %% [markdown]
# Dots are scores and lines their 95 % intervals; a dashed line is the required value. Intervals that overlap can still belong to
# a clear difference, because all candidates are evaluated on the same rows: the table shows the difference itself.

# %%
bound = stage.request.requirements.get(metric)
plot = leaderboard_plot(board.leaderboard_frame(leaderboard), metric, bound.value if bound else None)
stage.show("leaderboard_figure", plot, report=True)

# %% [markdown]
# ## Candidate to tune
# A candidate that does not beat the baseline of its family, where there is one, is never selected.

# %%
if family.baseline is not None:
    stage.show("baseline", board.baseline_note(leaderboard, family.baseline), report=True)
stage.show("choice", board.choice(leaderboard), report=True)

# %% [markdown]
# ## Training time
# Seconds depend on the machine, so no decision uses them.

# %%
stage.show("timing", board.timing_table(comparison.timing), measured=True)

# %%
stage.save(leaderboard=leaderboard, oof=comparison.oof)

# %% [markdown]
# ## Limits
# - Each candidate has one set of hyperparameters here; one that is behind might be ahead when tuned.
# - The leader of several candidates is partly a lucky one. The holdout measures by how much.

# %%
stage.show("limits", board.limits_note(family.limits))
