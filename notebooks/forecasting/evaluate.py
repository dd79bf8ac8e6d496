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
# How well does the model perform on the holdout, where does it fail, and why?

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
from glassbox.families.shared.serving_refit import Served
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("evaluate", request, upstream, product)
train, folds, best, tuned_oof = stage.load("train", "folds", "best", "tuned_oof")
schema, recipe = Schema.model_validate(stage.load("schema")), parse_recipe(stage.load("recipe"))
leading_metric = best["metric"]
panel = open_panel(train, schema, stage.request, recipe.step)
backtest = BacktestDataset.of(panel, recipe, folds["origin"].tolist())
columns = evaluate.columns_of(stage.request, list(train.columns))
target, resamples = columns.target, EFFORT[stage.request.cost].resamples

# %% [markdown]
# ## Prediction intervals
# Conformal intervals are computed from the backtest errors on train, for each step ahead. The intervals at an origin of the backtest are
# computed from the errors at the other origins.

# %%
interval_offsets, oof = evaluate.intervals(tuned_oof, backtest)

# %% [markdown]
# ## Refit
# The selected model is fitted on all training data.

# %%
predictor = evaluate.refit(best, panel, schema, columns, interval_offsets, seed=stage.request.seed, threads=stage.threads)
model = stage.folder("model")
predictor.save(model)

# %% [markdown]
# ## Holdout evaluation
# This is the only stage that reads the holdout. The first origin is the end of train; at each later origin, the model is refitted on
# the history up to that origin, and its intervals use the errors that are known by then. The baseline is the simple forecast that was best
# in the backtest.

# %%
holdout = stage.load("holdout")
holdout_panel = evaluate.later_panel(holdout, panel, schema, stage.request)
holdout_dataset = evaluate.holdout_dataset(backtest, holdout_panel, stage.request.split.origins)
forecasts = evaluate.forecast_holdout(holdout_dataset, predictor, stage.resources, oof)
baseline_forecasts = evaluate.baseline_holdout(holdout_dataset, best["baseline"], seed=stage.request.seed)
baseline = best["baseline"]["name"]
stage.show("holdout_reads", holdout_reads(stage.holdout_reads), measured=True)

# %% [markdown]
# Metrics with bootstrap confidence intervals. A requirement is met or not met only if its bound lies outside the interval; otherwise it
# is not proven.

# %%
holdout_metrics = evaluate.holdout_metrics(forecasts, leading=leading_metric, resamples=resamples, seed=stage.request.seed)
stage.show("metrics", holdout_metrics, report=True)

# %% [markdown]
# ## Performance summary
# How large is a typical error, compared with the best simple forecast?

# %%
stage.show("headline", evaluate.headline(forecasts, baseline_forecasts, leading_metric, baseline), report=True)

# %% [markdown]
# ## Forecasts and actual values
# The black line shows the actual values, and the band the prediction intervals.

# %%
stage.show("forecasts", plots.forecasts(forecasts, holdout_dataset.panel, target), report=True)

# %% [markdown]
# ## Coverage of prediction intervals
# Do the intervals contain the nominal share of the actual values?

# %%
stage.show("coverage", evaluate.coverage_table(forecasts, oof), report=True)

# %% [markdown]
# Are rough series covered as well as smooth ones?

# %%
stage.show("coverage_by_roughness", evaluate.coverage_by_roughness(forecasts, oof, panel), report=len(panel.names) > 1)

# %% [markdown]
# ## Generalisation gap
# A score that is much better in the backtest than on the holdout indicates overfitting or a change over time.

# %%
stage.show("gap", evaluate.generalization_gap(oof, forecasts, leading_metric))

# %% [markdown]
# ## Baseline
# Does the model beat the best simple forecast?

# %%
stage.show("baseline", evaluate.versus_baseline(forecasts, baseline_forecasts, baseline), report=True)

# %% [markdown]
# ## Error by step ahead
# How does the error grow with the horizon, compared with the baseline?

# %%
stage.show("by_step", plots.by_step(evaluate.by_step_frame(forecasts, baseline_forecasts), "MASE"), report=True)

# %% [markdown]
# ## Error analysis
# Which calendar periods and steps ahead have the largest errors?

# %%
slice_errors = evaluate.slices(forecasts, holdout_dataset, country=stage.request.data.holidays)
stage.show("slices", evaluate.slices_table(slice_errors), report=True)

# %% [markdown]
# On which days were the errors largest?

# %%
stage.show("worst_days", evaluate.worst_days(forecasts, holdout_dataset, stage.request.data.holidays))

# %% [markdown]
# Which series have the largest errors?

# %%
stage.show("worst_series", evaluate.worst_series(forecasts, baseline_forecasts, holdout_dataset.panel.names))

# %% [markdown]
# For series above the line, the baseline is more accurate than the model.

# %%
stage.show("series_errors", plots.series_errors(forecasts, baseline_forecasts))

# %% [markdown]
# ## Model interpretation
# Feature importance, ensemble weights or model parameters, depending on the kind of model.

# %%
stage.show("components", evaluate.model_components(predictor))

# %% [markdown]
# ## Refit for serving
# A forecast depends on the latest values. The served model is therefore refitted on all history, in the same way as at each origin of
# the evaluation, unless the request specifies `serve: evaluated`.

# %%
served = Served(predictor, model)
if stage.request.serve == "refitted":
    served = Served(evaluate.refit_on_all(predictor, holdout_panel, oof, forecasts), stage.folder("served"))
    served.predictor.save(served.folder)
stage.show("refit", served.note, report=True)

# %% [markdown]
# The next forecast of the served model, decomposed into trend and seasonality.

# %%
stage.show("forecast_components", plots.forecast_components(served.predictor), report=True)

# %%
predictions = evaluate.predictions(forecasts, holdout_dataset, holdout, columns)
stage.save(model=model, served=served.folder, predictions=predictions, metrics=holdout_metrics.values)

# %% [markdown]
# ## Limits
# - A few origins at the end of the history do not represent all conditions, such as mild and severe winters.
# - The covariates of the holdout were known exactly; in production, some of them are forecasts.
# - Prediction intervals assume that errors have the same distribution as in the backtest. After a level shift, they are too narrow.
# - The steps of one forecast are correlated; the confidence intervals therefore resample whole origins or whole series.
