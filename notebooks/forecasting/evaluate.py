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
# How accurate are the forecasts on the holdout, where do they fail, and what drives them?

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
from glassbox.families.forecasting.backtest import BacktestDataset
from glassbox.families.forecasting.dataset import open_panel, parse_recipe
from glassbox.families.forecasting.effort import EFFORT
from glassbox.families.shared.holdout_ledger import holdout_reads
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("evaluate", request, upstream, product)
train, folds, best, tuned_oof = stage.load("train", "folds", "best", "tuned_oof")
schema, recipe = Schema.model_validate(stage.load("schema")), parse_recipe(stage.load("recipe"))
leading = best["metric"]
panel = open_panel(train, schema, stage.request, recipe.step)
backtest = BacktestDataset.of(panel, recipe, folds["origin"].tolist())
columns = evaluate.columns_of(stage.request, list(train.columns))
target, resamples = columns.target, EFFORT[stage.request.cost].resamples

# %% [markdown]
# ## Prediction intervals
# Conformal intervals are fitted to the backtest errors at each step ahead, on train alone. Each origin of the backtest gets
# intervals from the errors at the other origins.

# %%
offsets, oof = evaluate.intervals(tuned_oof, backtest)

# %% [markdown]
# ## Final model
# The tuned candidate is fitted on all of train.

# %%
predictor = evaluate.refit(best, panel, schema, columns, offsets, seed=stage.request.seed, threads=stage.threads)
model = stage.folder("model")
predictor.save(model)

# %% [markdown]
# ## Holdout evaluation
# This is the only stage that reads the holdout. The model forecasts from the first origin as it is; at each later origin it
# is refitted on the history up to that origin.

# %%
holdout = stage.load("holdout")
later = evaluate.later_panel(holdout, panel, schema, stage.request)
dataset = evaluate.holdout_dataset(backtest, later, stage.request.split.origins)
forecasts = evaluate.forecast_holdout(dataset, predictor, stage.resources)
naive = evaluate.baseline_holdout(dataset, seed=stage.request.seed)
stage.show("holdout_reads", holdout_reads(stage.holdout_reads), measured=True)

# %% [markdown]
# Metrics on the holdout with confidence intervals. A requirement is decided only where its bound lies outside the interval.

# %%
holdout_metrics = evaluate.holdout_metrics(forecasts, leading=leading, resamples=resamples, seed=stage.request.seed)
stage.show("metrics", holdout_metrics, report=True)

# %% [markdown]
# ## Summary
# How large is a typical error, and how does it compare with the seasonal naive forecast?

# %%
stage.show("headline", evaluate.headline(forecasts, naive, leading, recipe), report=True)

# %% [markdown]
# ## Forecasts and actual values
# Where the black line leaves the band, the intervals were too narrow.

# %%
stage.show("forecasts", plots.forecasts(forecasts, dataset.panel, target), report=True)

# %% [markdown]
# Do the intervals contain as many actual values as their nominal level?

# %%
stage.show("coverage", evaluate.coverage_table(forecasts, oof), report=True)

# %% [markdown]
# ## Generalisation gap
# A score that is much better in the backtest than on the holdout indicates overfitting or a change over time.

# %%
stage.show("gap", evaluate.generalization_gap(oof, forecasts, leading))

# %% [markdown]
# ## Baseline
# Does the model beat the seasonal naive forecast?

# %%
stage.show("baseline", evaluate.versus_baseline(forecasts, naive), report=True)

# %% [markdown]
# ## Error by step ahead
# Where the two lines meet, the model is no better than the seasonal naive forecast.

# %%
stage.show("by_step", plots.by_step(evaluate.by_step_frame(forecasts, naive), "MASE"), report=True)

# %% [markdown]
# ## Error analysis
# Which parts of the calendar and of the horizon have the largest errors?

# %%
slices = evaluate.slices(forecasts, dataset, country=stage.request.data.holidays)
stage.show("slices", evaluate.slices_table(slices), report=True)

# %% [markdown]
# On which days were the errors largest?

# %%
stage.show("worst_days", evaluate.worst_days(forecasts, dataset, stage.request.data.holidays))

# %% [markdown]
# Which series are forecast worst? In the scatter plot, series above the line are better forecast by the baseline.

# %%
stage.show("worst_series", evaluate.worst_series(forecasts, naive, dataset.panel.names))

# %%
stage.show("series_errors", plots.series_errors(forecasts, naive))

# %% [markdown]
# ## Explanation
# What drives the forecasts: feature importance, ensemble members or model parameters.

# %%
stage.show("components", evaluate.model_components(predictor))

# %% [markdown]
# ## Refit for serving
# A forecast needs the latest values. The same recipe is fitted again on all history, as at each origin above, and the result
# is the served model.

# %%
refitted = evaluate.refit_on_all(predictor, later)
served = stage.folder("served")
refitted.save(served)
stage.show("refit", evaluate.refit_note(refitted), report=True)

# %% [markdown]
# The next forecast of the served model, decomposed into trend and season.

# %%
stage.show("forecast_components", plots.forecast_components(refitted), report=True)

# %%
predictions = evaluate.predictions(forecasts, dataset, holdout, columns)
stage.save(model=model, served=served, predictions=predictions, metrics=holdout_metrics.values)

# %% [markdown]
# ## Limits
# - A few origins at the end of one history do not cover every season: results for a mild winter do not transfer to a hard one.
# - The covariates of the holdout were known exactly; in production, some of them are forecasts themselves.
# - The intervals assume that errors stay as in the backtest. After a level shift they are too narrow.
# - The steps of one forecast are correlated; the confidence intervals therefore resample whole origins or whole series.
