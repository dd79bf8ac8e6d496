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
request = "churn"

# %%
from glassbox.data.schema import Schema
from glassbox.families.classification import evaluate, metrics
from glassbox.families.classification.calibration.fit import calibrate, choose_threshold
from glassbox.families.classification.dataset import problem_of
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
asked = stage.request
problem = problem_of(train, schema.target, schema.classes, folds, positive=asked.data.positive)
positive = problem.classes[problem.positive]
leading = best["metric"]
resamples = EFFORT[asked.cost].resamples

# %% [markdown]
# ## Probabilities and threshold, from train alone
# Out-of-fold predictions say whether the model's probabilities mean what they say. Ways of bending them are judged fold by
# fold on rows that did not shape them.

# %%
oof = evaluate.oof_proba(tuned_oof, problem)
calibrated = calibrate(oof, problem.y, problem.fold, problem.positive)
stage.show("calibration_choice", calibrated.table)

# %% [markdown]
# From which probability on is a row called positive? The first requirement on labels sets the rule; without one it is F1.
# With more than two classes, the most probable class is the answer.

# %%
rule, bound = metrics.threshold_rule(asked.requirements)
judged_rows = asked.split.holdout / (1 - asked.split.holdout)
hit = problem.y == problem.positive
threshold = choose_threshold(hit, calibrated.proba[:, problem.positive], rule, bound, judged_rows=judged_rows)
if problem.binary:
    stage.show("threshold_choice", threshold.facts(positive))
    stage.show("threshold", curves.threshold(threshold.curve, threshold.value))

# %% [markdown]
# ## The model
# What tuning kept is fitted once more, on all rows of train.

# %%
predictor = refit(
    best, problem, schema, calibrated.calibration, threshold.value, stage.resources)
model = stage.folder("model")
predictor.save(model)

# %% [markdown]
# ## The seal is broken
# Here, and nowhere else, the holdout is opened.

# %%
holdout = stage.load("holdout")
predictions = evaluate.predictions(predictor, holdout)
stage.show("opened", holdout_ledger.opened(stage.holdout_reads), measured=True)

# %% [markdown]
# Every metric of the task with its 95 % interval. A requirement is met or not only where its bound lies outside of the interval.

# %%
grouped_by = asked.split.column if asked.split.by == "group" else None
found = evaluate.holdout_metrics(
    predictions,
    problem.classes,
    positive,
    leading=leading,
    resamples=resamples,
    seed=asked.seed,
    clusters=evaluate.holdout_clusters(holdout, grouped_by),
)
stage.show("metrics", found, report=True)

# %% [markdown]
# A score far better on the rows that taught than out of fold would mean rows known by heart; one far better out of fold
# than on the holdout, a search that flattered itself.

# %%
stage.show("gap", evaluate.gap(predictor, problem, calibrated.proba, predictions, leading, predictor.threshold))

# %% [markdown]
# ## What it is good for
# Rows are called one after the other, the most probable first. The line shows which share of those looked for is reached.

# %%
looked_for = (predictions["y_true"] == positive).to_numpy().astype(int)
rows = plural(stage.request.data.row)
headline = evaluate.headline(predictions, schema.target, positive, problem.classes, rows=rows)
stage.show("headline", headline, report=True)
stage.show(
    "gain_curve",
    curves.gain_curve(
        looked_for, predictions[f"proba_{positive}"].to_numpy(), rows=rows, found=f"those with {schema.target} = {positive}"
    ),
    report=True,
)

# %% [markdown]
# Who was taken for whom, at the threshold chosen above. Dark off the diagonal is where it goes wrong.

# %%
stage.show("confusion", outcomes.confusion(predictions["y_true"], predictions["y_pred"], problem.classes), report=True)

# %% [markdown]
# The ROC curve does not mind how rare the positive class is; the precision-recall curve does. Read the first for the ranking,
# the second for what calling costs.

# %%
truth, score = evaluate.drawn(predictions, problem.classes, positive)
stage.show("roc", curves.roc(truth, score, found.values["roc_auc"]))

# %%
stage.show("precision_recall", curves.precision_recall(truth, score, found.values["average_precision"]))

# %% [markdown]
# Points on the diagonal are probabilities that can be taken at their word.

# %%
stage.show("calibration", outcomes.calibration(truth, score))

# %% [markdown]
# ## Where it is weak
# The same score on parts of the holdout, the weakest first. Small parts scatter widely: look at the interval before the value.

# %%
parts = evaluate.slices(
    holdout, predictions, schema, positive, metric=leading, columns=predictor.fields, seed=asked.seed
)
overall = found.values[leading].value
stage.show("slices", evaluate.slices_table(parts, leading, overall), report=True)

# %%
stage.show("slices_figure", outcomes.slices(parts, leading, overall))

# %% [markdown]
# ## Why
# How much worse the score gets when a column is shuffled: what the model would miss without it.

# %%
stage.show("importance", explain.permutation_importance(predictor, holdout, metric=leading, seed=asked.seed), report=True)

# %% [markdown]
# Which way each column pushes a prediction, and how far, over many rows.

# %%
stage.show("shap", explain.shap_global(predictor, holdout, seed=asked.seed))

# %% [markdown]
# And for single rows: what spoke for and against.

# %%
stage.show("local", explain.shap_local(predictor, holdout, seed=asked.seed))

# %%
stage.save(model=model, served=model, predictions=predictions, metrics=found.values)

# %% [markdown]
# ## Limits of what was shown
# - The holdout is of the same time and source as train. How the model does next year is for monitoring to tell.
# - Intervals speak of this model on other rows like these, not of another model fitted on other rows.
# - What the model uses is not what causes: changing a column of a customer need not change what the customer does.
# - Slices were not chosen in advance; among many, some look weak by chance.
