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
# # Evaluate
# Does it hold on data it never saw, for whom, and why?

# %% tags=["parameters"]
upstream = {
    "ingest": ["train", "holdout", "schema"],
    "features": ["recipe", "folds", "leaks"],
    "tune": ["best", "tuned_oof"],
}
product = None
request = "electricity"

# %%
from glassbox.data.schema import Schema
from glassbox.families.forecasting import evaluate, plots
from glassbox.families.forecasting.backtest import Problem
from glassbox.families.forecasting.dataset import open_panel, saved
from glassbox.families.forecasting.effort import EFFORT
from glassbox.families.shared.holdout_ledger import opened
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("evaluate", request, upstream, product)
train, folds, best, tuned_oof = stage.load("train", "folds", "best", "tuned_oof")
schema, recipe = Schema.model_validate(stage.load("schema")), saved(stage.load("recipe"))
asked, leading = stage.request, best["metric"]
panel = open_panel(train, schema, asked, recipe.step)
backtest = Problem.of(panel, recipe, folds["origin"].tolist())
columns = evaluate.columns_of(asked, list(train.columns))
target, resamples = columns.target, EFFORT[asked.cost].resamples

# %% [markdown]
# ## Intervals, from train alone
# Their widths are what the backtest missed by, step by step ahead. Each origin of the backtest is shown with intervals that
# the others made.

# %%
offsets, oof = evaluate.intervals(tuned_oof, backtest)

# %% [markdown]
# ## The model
# What tuning kept is fitted once more, on all of train.

# %%
predictor = evaluate.refit(best, panel, schema, columns, offsets, seed=asked.seed, threads=stage.threads)
model = stage.folder("model")
predictor.save(model)

# %% [markdown]
# ## The seal is broken
# Here, and nowhere else, the holdout is opened. It is forecast from one origin after another: by the model as it is from the
# first, and brought up to date with what came before from each later one.

# %%
holdout = stage.load("holdout")
later = evaluate.later_panel(holdout, panel, schema, asked)
problem = evaluate.holdout_problem(backtest, later, asked.split.origins)
found = evaluate.forecast_holdout(problem, predictor, stage.resources)
naive = evaluate.baseline_holdout(problem, seed=asked.seed)
stage.show("opened", opened(stage.holdout_reads), measured=True)

# %% [markdown]
# Every metric of the task with its 95 % interval. A requirement is met or not only where its bound lies outside of the interval.

# %%
judged = evaluate.holdout_metrics(found, leading=leading, resamples=resamples, seed=asked.seed)
stage.show("metrics", judged, report=True)

# %%
stage.show("headline", evaluate.headline(found, naive, leading, recipe), report=True)

# %% [markdown]
# ## What it says, and what came
# Look at where the black line leaves the band: there the intervals promised too much.

# %%
stage.show("forecasts", plots.forecasts(found, problem.panel, target), report=True)

# %%
stage.show("coverage", evaluate.coverage_table(found, oof), report=True)

# %% [markdown]
# A score far better in the backtest than on the holdout would mean a search that flattered itself, or times that changed.

# %%
stage.show("gap", evaluate.gap(oof, found, leading))

# %%
stage.show("baseline", evaluate.versus_baseline(found, naive), report=True)

# %% [markdown]
# ## How far ahead can it be trusted?
# Where the two lines meet, the season before is as good.

# %%
stage.show("by_step", plots.by_step(evaluate.by_step_frame(found, naive), "MASE"), report=True)

# %% [markdown]
# ## Where it is weak
# Parts of the calendar and of the horizon, then single days, then series.

# %%
stage.show("slices", evaluate.slices_table(evaluate.slices(found, problem, metric=leading, country=asked.data.holidays)), report=True)

# %%
stage.show("worst_days", evaluate.worst_days(found, problem, asked.data.holidays))

# %%
stage.show("worst_series", evaluate.worst_series(found, naive, problem.panel.names))

# %%
stage.show("series_errors", plots.series_errors(found, naive))

# %% [markdown]
# ## Why
# What the forecasts go by.

# %%
stage.show("components", evaluate.components(predictor))

# %% [markdown]
# ## What is served
# A forecaster that does not know the latest values is of little use. The same recipe is fitted again on all history, as was
# done at each origin above, and that is what the service gets.

# %%
fresh = evaluate.bring_up_to_date(predictor, later)
served = stage.folder("served")
fresh.save(served)
stage.show("updated", evaluate.refit_note(fresh), report=True)

# %% [markdown]
# What it says next, taken apart: the trend that it goes on with, and the season that it repeats.

# %%
stage.show("forecast_components", plots.forecast_components(fresh), report=True)

# %%
predictions = evaluate.predictions(found, problem, holdout, columns)
stage.save(model=model, served=served, predictions=predictions, metrics=judged.values)

# %% [markdown]
# ## Limits of what was shown
# - A few origins at the end of one history are not many seasons: a mild winter says nothing of a hard one.
# - Covariates of the holdout were known exactly; in use, some of them will be forecasts themselves.
# - Intervals assume that errors go on as in the backtest. When the level breaks, they do not.
# - Steps of one forecast go together; intervals of the metrics redraw whole origins, or whole series, for that.
