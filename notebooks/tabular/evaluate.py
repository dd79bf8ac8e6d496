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
# How well does the model perform on unseen rows, where does it fail, and why?

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
from glassbox.families.classification import evaluate, metrics
from glassbox.families.classification.calibration.fit import calibrate, choose_threshold
from glassbox.families.classification.dataset import labelled_rows
from glassbox.families.classification.plots import curves, outcomes
from glassbox.families.shared import holdout_ledger
from glassbox.families.tabular import explain
from glassbox.families.tabular.effort import EFFORT
from glassbox.families.tabular.refit import refit
from glassbox.findings.wording import plural
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("evaluate", request, upstream, product)
train, folds, best, tuned_oof = stage.load("train", "folds", "best", "tuned_oof")
schema = Schema.model_validate(stage.load("schema"))
labelled = labelled_rows(train, schema.target, schema.classes, folds, positive=stage.request.data.positive)
positive = labelled.classes[labelled.positive]
leading = best["metric"]
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
# With two classes, a row is classified as positive from this probability on. The first requirement on a label metric sets the
# rule; without one, the threshold maximises F1. With more classes, the most probable one is predicted.

# %%
rule, bound = metrics.threshold_rule(stage.request.requirements)
holdout_ratio = stage.request.split.holdout / (1 - stage.request.split.holdout)
is_positive = labelled.y == labelled.positive
threshold = choose_threshold(
    is_positive, calibrated.proba[:, labelled.positive], rule, bound, holdout_ratio=holdout_ratio
)
if labelled.binary:
    stage.show("threshold_choice", threshold.facts(positive))
    stage.show("threshold", curves.threshold(threshold.curve, threshold.value))

# %% [markdown]
# ## Refit
# The tuned candidate is fitted again on all training rows.

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
# Every metric of the task with its 95 % confidence interval. A requirement is clearly met or missed only when its bound lies
# outside the interval.

# %%
grouped_by = stage.request.split.column if stage.request.split.by == "group" else None
holdout_metrics = evaluate.holdout_metrics(
    predictions,
    labelled.classes,
    positive,
    leading=leading,
    resamples=resamples,
    seed=stage.request.seed,
    clusters=evaluate.holdout_clusters(holdout, grouped_by),
)
stage.show("metrics", holdout_metrics, report=True)

# %% [markdown]
# ## Generalisation gap
# A score that is much higher on train than out of fold indicates overfitting. A score that is much higher out of fold than on
# the holdout indicates an optimistic bias of the search.

# %%
stage.show("gap", evaluate.generalization_gap(predictor, labelled, calibrated.proba, predictions, leading, predictor.threshold))

# %% [markdown]
# ## Performance summary
# The gain curve ranks rows by predicted probability. The line shows the share of positive rows that is reached when the
# highest-ranked rows are selected.

# %%
actual_positive = (predictions["y_true"] == positive).to_numpy().astype(int)
rows = plural(stage.request.data.row)
headline = evaluate.headline(predictions, schema.target, positive, labelled.classes, rows=rows)
stage.show("headline", headline, report=True)
stage.show(
    "gain_curve",
    curves.gain_curve(
        actual_positive, predictions[f"proba_{positive}"].to_numpy(), rows=rows, found=f"those with {schema.target} = {positive}"
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
# The ROC curve does not depend on how rare the positive class is; the precision-recall curve does. Use the first to judge the
# ranking and the second to judge the cost of acting on predictions.

# %%
truth, score = evaluate.truth_and_scores(predictions, labelled.classes, positive)
stage.show("roc", curves.roc(truth, score, holdout_metrics.values["roc_auc"]))

# %%
stage.show("precision_recall", curves.precision_recall(truth, score, holdout_metrics.values["average_precision"]))

# %% [markdown]
# ## Calibration curve
# Points on the diagonal are predicted probabilities that equal the observed frequency.

# %%
stage.show("calibration", outcomes.calibration(truth, score))

# %% [markdown]
# ## Performance by slice
# The same metric on slices of the holdout, the lowest first. Small slices have wide intervals, so read the interval before the
# value.

# %%
parts = evaluate.slices(
    holdout, predictions, schema, positive, metric=leading, columns=predictor.fields, seed=stage.request.seed
)
overall = holdout_metrics.values[leading].value
stage.show("slices", evaluate.slices_table(parts, leading, overall), report=True)

# %%
stage.show("slices_figure", outcomes.slices(parts, leading, overall))

# %% [markdown]
# ## Feature importance
# Permutation importance is the drop in the score when a column is shuffled.

# %%
stage.show("importance", explain.permutation_importance(predictor, holdout, metric=leading, seed=stage.request.seed), report=True)

# %% [markdown]
# ## SHAP values
# In which direction and how strongly does each column contribute to the predictions, over many rows?

# %%
stage.show("shap", explain.shap_global(predictor, holdout, seed=stage.request.seed))

# %% [markdown]
# ## SHAP values of single rows
# Which columns contribute to the predictions of single rows?

# %%
stage.show("local", explain.shap_local(predictor, holdout, seed=stage.request.seed))

# %%
stage.save(model=model, served=model, predictions=predictions, metrics=holdout_metrics.values)

# %% [markdown]
# ## Limits
# - The holdout comes from the same period and source as train. Monitoring has to show how the model performs later.
# - Confidence intervals describe this model on similar rows; they do not include the variation between models fitted on other
#   data.
# - Feature importance is not causal: changing a column of a row need not change its outcome.
# - Slices were not chosen in advance; among many, some have a low score by chance.
