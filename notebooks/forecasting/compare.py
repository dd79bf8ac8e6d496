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
request = "electricity"

# %%
from glassbox.data.schema import Schema
from glassbox.families.forecasting import metrics
from glassbox.families.forecasting.backtest import Problem
from glassbox.families.forecasting.candidates import candidates
from glassbox.families.forecasting.compare import against_baseline, compare
from glassbox.families.forecasting.dataset import open_panel, saved
from glassbox.families.shared import selection_plots
from glassbox.families.shared.candidates import candidate_table
from glassbox.families.shared.leaderboard import OVER_WINDOWS, choice, leaderboard_frame, leaderboard_table, timing_table
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("compare", request, upstream, product)
train, folds = stage.load("train", "folds")
schema, recipe = Schema.model_validate(stage.load("schema")), saved(stage.load("recipe"))
panel = open_panel(train, schema, stage.request, recipe.step)
problem = Problem.of(panel, recipe, folds["origin"].tolist())

# %% [markdown]
# These are tried, from the same origins. Add one, drop one, and run the cell again: what was fitted before is remembered.
# The seasonal naive forecast stays: nothing that loses to it is handed on.

# %%
tried = candidates(stage.request.cost, recipe, len(panel.names), zeros=problem.zeros)
# tried += [Candidate(name="Theta, short", kind="theta", params={"history": 500})]
stage.show("candidates", candidate_table(tried))

# %% [markdown]
# The first requirement that judges points decides; where the request names none, MASE does: errors in units of those that the
# seasonal naive forecast made in the past, so that every series counts alike.

# %%
leading = metrics.leading_metric(stage.request.requirements)
comparison = compare(
    tried,
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
# The best stands first. The ensemble's weights are fitted on the other origins than the one they are judged at.

# %%
stage.show(
    "leaderboard",
    leaderboard_table(comparison.leaderboard, ("mase", "rmsse", "smape"), note=OVER_WINDOWS),
    report=True,
)

# %% [markdown]
# What each one costs, over all origins. Models of one series are fitted when they forecast, so their time stands there.

# %%
stage.show("timing", timing_table(comparison.timing), measured=True)

# %% [markdown]
# Dots are means over windows, lines are 95 % intervals; a dashed line is what the request asks for.

# %%
bound = stage.request.requirements.get(leading)
stage.show(
    "leaderboard_figure",
    selection_plots.leaderboard(leaderboard_frame(comparison.leaderboard), leading, bound.value if bound else None),
    report=True,
)

# %% [markdown]
# ## Is any of it worth having?
# Taking the last season again costs nothing. What does not beat it is never handed on.

# %%
stage.show("baseline", against_baseline(comparison.leaderboard), report=True)

# %%
stage.show("choice", choice(comparison.leaderboard), report=True)

# %%
stage.save(leaderboard=comparison.leaderboard, oof=comparison.oof)

# %% [markdown]
# ## Limits of what was shown
# - Origins that follow one another share most of their history: intervals over few of them are rough.
# - Each candidate is shown with one set of hyperparameters: one that is behind here might be ahead when tuned.
# - Models of one series are given no more history than their candidate says, so that they end in reasonable time.
