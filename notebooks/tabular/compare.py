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
# Which family of models deserves to be tuned?

# %% tags=["parameters"]
upstream = {"ingest": ["train", "schema"], "features": ["recipe", "folds"]}
product = None
request = "churn"

# %%
from glassbox.data.schema import Schema
from glassbox.families.classification import metrics
from glassbox.families.classification.dataset import problem_of
from glassbox.families.shared import selection_plots
from glassbox.families.shared.candidates import candidate_table
from glassbox.families.shared.leaderboard import choice, leaderboard_frame, leaderboard_table, timing_table
from glassbox.families.tabular.candidates import candidates
from glassbox.families.tabular.compare import compare
from glassbox.families.tabular.recipe import Recipe
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("compare", request, upstream, product)
train, folds = stage.load("train", "folds")
schema = Schema.model_validate(stage.load("schema"))
recipe = Recipe.model_validate(stage.load("recipe"))
problem = problem_of(train, schema.target, schema.classes, folds, positive=stage.request.data.positive)

# %% [markdown]
# These are tried, on the same folds. Add one, drop one, and run the cell again: what was fitted before is remembered.

# %%
tried = candidates(stage.request.cost)
# tried += [Candidate(name="deep forest", kind="random_forest", params={"n_estimators": 500, "min_samples_leaf": 1})]
stage.show("candidates", candidate_table(tried))

# %% [markdown]
# The first requirement that judges probabilities or rankings decides; where the request names none, the area under the ROC
# curve does. Requirements on labels wait for a threshold, which is chosen once the model stands.

# %%
leading = metrics.leading_metric(stage.request.requirements)
comparison = compare(
    tried,
    recipe,
    problem,
    metric=leading,
    seed=stage.request.seed,
    resamples=metrics.RESAMPLES[stage.request.cost],
    memo=stage.cache,
    threads=stage.threads,
    workers=stage.workers,
    progress=stage.progress,
)

# %% [markdown]
# ## The leaderboard
# The best stands first. A difference is real only if it is larger than what another draw of the same rows would bring: the
# last column says how far each one is behind the leader on the very same rows, and between which bounds.

# %%
stage.show("leaderboard", leaderboard_table(comparison.leaderboard), report=True)

# %% [markdown]
# Dots are means over folds, lines are 95 % intervals over rows; a dashed line is what the request asks for. Intervals that
# overlap can still belong to a clear difference, since all candidates are judged on the same rows: the table knows.

# %%
bound = stage.request.requirements.get(leading)
stage.show(
    "leaderboard_figure",
    selection_plots.leaderboard(leaderboard_frame(comparison.leaderboard), leading, bound.value if bound else None),
    report=True,
)

# %% [markdown]
# ## Which one is tuned?
# Among those that cannot be told apart, the most flexible has the most to gain from tuning; the simplest is kept in mind,
# and wins unless it is then beaten clearly.

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
# - Each candidate is shown with one set of hyperparameters: one that is behind here might be ahead when tuned.
# - Intervals speak of the rows that judged. That other rows would have taught other models is not in them.
# - The leader of several is partly a lucky one; the holdout will say how much.
