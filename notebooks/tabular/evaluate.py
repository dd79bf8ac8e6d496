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
request = "churn"

# %%
from glassbox.data.schema import Schema
from glassbox.families.classification import evaluate
from glassbox.families.classification.calibration.fit import calibrate, decision_threshold
from glassbox.families.classification.dataset import labelled_rows
from glassbox.families.classification.plots import curves, outcomes
from glassbox.families.shared import holdout_ledger
from glassbox.families.shared.serving_refit import serve
from glassbox.families.tabular import explain
from glassbox.families.tabular.effort import EFFORT
from glassbox.families.tabular.refit import refit, refit_on_all
from glassbox.findings.wording import plural
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("evaluate", request, upstream, product)
train, folds, best, tuned_oof = stage.load("train", "folds", "best", "tuned_oof")
schema = Schema.model_validate(stage.load("schema"))
labelled = labelled_rows(train, schema.target, schema.classes, folds, positive=stage.request.data.positive)
positive = labelled.classes[labelled.positive]
leading_metric = best["metric"]
resamples = EFFORT[stage.request.cost].resamples

# %% [markdown]
# ## Calibration
# Out-of-fold predictions on train show whether predicted probabilities match observed frequencies. Calibration methods are
# compared by cross-validation.

# %%
oof = evaluate.oof_proba(tuned_oof, labelled)
calibrated = calibrate(oof, labelled.y, labelled.fold, labelled.positive)
stage.show("calibration_choice", calibrated.table)

# %% [markdown]
# ## Decision threshold
# With two classes, a row is predicted as positive if its probability is at least the threshold. The threshold is chosen for the first
# required metric that depends on it, such as precision; without such a requirement, it maximises F1. With more classes, the most
# probable class is predicted.

# %%
threshold = decision_threshold(calibrated.proba, labelled, stage.request)
if labelled.binary:
    stage.show("threshold_choice", threshold.facts(positive))
    stage.show("threshold", curves.threshold(threshold.curve, threshold.value))

# %% [markdown]
# ## Refit
# The selected model is fitted on all training rows.

# %%
predictor = refit(best, labelled, schema, calibrated.calibration, threshold.value, stage.resources)
model = stage.folder("model")
predictor.save(model)

# %% [markdown]
# ## Holdout evaluation
# This is the only stage that reads the holdout.

# %%
holdout = stage.load("holdout")
predictions = evaluate.predictions(predictor, holdout)
stage.show("holdout_reads", holdout_ledger.holdout_reads(stage.holdout_reads), measured=True)

# %% [markdown]
# Metrics with bootstrap confidence intervals. A requirement is met or not met only if its bound lies outside the interval; otherwise it
# is not proven.

# %%
group_column = stage.request.split.column if stage.request.split.by == "group" else None
holdout_metrics = evaluate.holdout_metrics(
    predictions,
    labelled.classes,
    positive,
    leading=leading_metric,
    resamples=resamples,
    seed=stage.request.seed,
    clusters=evaluate.holdout_clusters(holdout, group_column),
)
stage.show("metrics", holdout_metrics, report=True)

# %% [markdown]
# ## Generalisation gap
# A score that is much better on train than out of fold indicates overfitting. A score that is much better out of fold than on the
# holdout indicates an optimistic bias of the model selection.

# %%
stage.show(
    "gap", evaluate.generalization_gap(predictor, labelled, calibrated.proba, predictions, leading_metric, predictor.threshold)
)

# %% [markdown]
# ## Performance summary
# The gain curve shows which share of the positive rows is among the rows with the highest predicted probabilities.

# %%
actual_positive = (predictions["y_true"] == positive).to_numpy().astype(int)
row_noun = plural(stage.request.data.row)
headline = evaluate.headline(predictions, schema.target, positive, labelled.classes, rows=row_noun)
stage.show("headline", headline, report=True)
stage.show(
    "gain_curve",
    curves.gain_curve(
        actual_positive,
        predictions[f"proba_{positive}"].to_numpy(),
        rows=row_noun,
        positives=f"those with {schema.target} = {positive}",
    ),
    report=True,
)

# %% [markdown]
# ## Confusion matrix
# Rows are true classes and columns are predicted classes, at the chosen threshold; dark cells off the diagonal are frequent
# errors.

# %%
stage.show("confusion", outcomes.confusion(predictions["y_true"], predictions["y_pred"], labelled.classes), report=True)

# %% [markdown]
# ## ROC and precision-recall curves
# The ROC curve measures the ranking independently of the share of the positive class. The precision-recall curve depends on that share
# and shows how many predicted positives are correct.

# %%
truth, score = evaluate.truth_and_scores(predictions, labelled.classes, positive)
stage.show("roc", curves.roc(truth, score, holdout_metrics.values["roc_auc"]))

# %%
stage.show("precision_recall", curves.precision_recall(truth, score, holdout_metrics.values["average_precision"]))

# %% [markdown]
# ## Calibration curve
# On the diagonal, the predicted probability equals the observed frequency.

# %%
stage.show("calibration", outcomes.calibration(truth, score))

# %% [markdown]
# ## Performance by slice
# The metric on slices of the holdout, the weakest slice first. Small slices have wide confidence intervals.

# %%
slice_scores = evaluate.slices(
    holdout, predictions, schema, positive, metric=leading_metric, columns=predictor.fields, seed=stage.request.seed
)
overall_score = holdout_metrics.values[leading_metric].value
stage.show("slices", evaluate.slices_table(slice_scores, leading_metric, overall_score), report=True)

# %% [markdown]
# Dots are slices and lines are confidence intervals, compared with the score on the whole holdout.

# %%
stage.show("slices_figure", outcomes.slices(slice_scores, leading_metric, overall_score))

# %% [markdown]
# ## Feature importance
# Permutation importance is the decrease of the score when the values of a column are shuffled.

# %%
stage.show(
    "importance", explain.permutation_importance(predictor, holdout, metric=leading_metric, seed=stage.request.seed), report=True
)

# %% [markdown]
# ## SHAP values
# How strongly, and in which direction, does each column contribute to the predictions?

# %%
stage.show("shap", explain.shap_global(predictor, holdout, seed=stage.request.seed))

# %% [markdown]
# ## Explanations of single predictions
# Which columns contribute to the predictions of single rows?

# %%
stage.show("local", explain.shap_local(predictor, holdout, seed=stage.request.seed))

# %% [markdown]
# ## Refit for serving
# More rows usually improve a model. The served model is therefore fitted again on train and holdout, unless the request specifies
# `serve: evaluated`.

# %%
def refit_rows(rows):
    labelled_all = labelled_rows(rows, schema.target, schema.classes, positive=positive)
    return refit_on_all(predictor, labelled_all, stage.resources)


served = serve(stage, predictor, model, train, holdout, known=lambda rows: rows[schema.target].isin(labelled.classes), refit=refit_rows)
stage.show("refit", served.note, report=True)

# %%
stage.save(model=model, served=served.folder, predictions=predictions, metrics=holdout_metrics.values)

# %% [markdown]
# ## Limits
# - The holdout comes from the same period and source as train. Monitoring has to detect later changes.
# - Confidence intervals apply to this model on similar rows; they do not include the variation between models fitted on other data.
# - Feature importance is not causal: changing a value does not necessarily change the outcome.
# - Slices were not chosen in advance; among many slices, some have a low score by chance.
