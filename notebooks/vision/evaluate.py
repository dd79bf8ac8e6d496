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
# How well does the model generalise to new images, where does it fail, and why?

# %% tags=["parameters"]
upstream = {
    "ingest": ["train", "holdout", "schema", "split"],
    "features": ["recipe", "folds", "leaks"],
    "tune": ["best", "tuned_oof"],
}
product = None
request = "groceries"

# %%
from glassbox.data.schema import Schema
from glassbox.families.classification import evaluate, metrics
from glassbox.families.classification.calibration.fit import calibrate, choose_threshold
from glassbox.families.classification.class_report import class_table, headline, risk_coverage
from glassbox.families.classification.plots import curves, outcomes
from glassbox.families.shared import holdout_ledger
from glassbox.families.vision import explain
from glassbox.families.vision.effort import EFFORT
from glassbox.families.vision.load_dataset import vision_dataset
from glassbox.families.vision.onnx_export import export, export_facts, write_graph
from glassbox.families.vision.recipe import Recipe
from glassbox.families.vision.refit import refit
from glassbox.families.vision.slices import add_traits
from glassbox.findings.wording import plural
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("evaluate", request, upstream, product)
train, split, folds, best, tuned_oof = stage.load("train", "split", "folds", "best", "tuned_oof")
schema = Schema.model_validate(stage.load("schema"))
pictures = vision_dataset(train, schema, Recipe.model_validate(best["recipe"]), folds, stage.request, stage.resources)
labelled = pictures.data
positive = labelled.classes[labelled.positive]
leading = best["metric"]
resamples = EFFORT[stage.request.cost].resamples

# %% [markdown]
# ## Calibration
# Calibration methods are compared by cross-validation on the out-of-fold predictions.

# %%
oof = evaluate.oof_proba(tuned_oof, labelled)
calibrated = calibrate(oof, labelled.y, labelled.fold, labelled.positive)
stage.show("calibration_choice", calibrated.table)

# %% [markdown]
# ## Decision threshold
# With two classes, the threshold is chosen on the out-of-fold predictions. With more, the most probable class is predicted.

# %%
rule, bound = metrics.threshold_rule(stage.request.requirements)
holdout_ratio = stage.request.split.holdout / (1 - stage.request.split.holdout)
hit = labelled.y == labelled.positive
threshold = choose_threshold(hit, calibrated.proba[:, labelled.positive], rule, bound, holdout_ratio=holdout_ratio)
if labelled.binary:
    stage.show("threshold_choice", threshold.facts(positive))
    stage.show("threshold", curves.threshold(threshold.curve, threshold.value))

# %% [markdown]
# ## Final model
# The tuned model is fitted again on all training images.

# %%
predictor = refit(
    best,
    pictures,
    schema,
    calibrated.calibration,
    threshold.value,
    stage.resources,
)
model = stage.folder("model")
predictor.save(model)

# %% [markdown]
# ## Holdout evaluation
# The holdout is loaded here for the first time.

# %%
holdout = stage.load("holdout")
predictions = evaluate.predictions(predictor, holdout)
stage.show("holdout_reads", holdout_ledger.holdout_reads(stage.holdout_reads), measured=True)

# %% [markdown]
# Every metric has a bootstrap interval; near-duplicates are resampled together, since they are not independent. A requirement is decided
# only if its bound lies outside of the interval.

# %%
grouped_by = stage.request.split.column if stage.request.split.by == "group" else None
estimates = evaluate.holdout_metrics(
    predictions,
    labelled.classes,
    positive,
    leading=leading,
    resamples=resamples,
    seed=stage.request.seed,
    clusters=evaluate.holdout_clusters(holdout, grouped_by, split),
)
stage.show("metrics", estimates, report=True)

# %% [markdown]
# ## Generalisation gap
# Networks fit their training images almost perfectly; compare the out-of-fold metric with the holdout metric.

# %%
stage.show("gap", evaluate.generalization_gap(predictor, labelled, calibrated.proba, predictions, leading, predictor.threshold))

# %% [markdown]
# ## Summary
# What does the result mean in practice?

# %%
stage.show("headline", headline(predictions, labelled.classes, plural(stage.request.data.row, "pictures")), report=True)

# %% [markdown]
# ## Confusion matrix
# Dark cells off the diagonal are frequent confusions.

# %%
stage.show("confusion", outcomes.confusion(predictions["y_true"], predictions["y_pred"], labelled.classes), report=True)

# %%
stage.show("classes", class_table(predictions, labelled.classes, "pictures"), report=True)

# %% [markdown]
# ## Risk-coverage curve
# The accuracy on the most confident share of the images, if the model may abstain on the rest.

# %%
stage.show("coverage", risk_coverage(predictions, labelled.classes, "pictures"), report=True)

# %%
truth, score = evaluate.truth_and_scores(predictions, labelled.classes, positive)
stage.show("roc", curves.roc(truth, score, estimates.values["roc_auc"]))

# %% [markdown]
# ## Calibration curve
# Points on the diagonal are calibrated probabilities.

# %%
stage.show("calibration", outcomes.calibration(truth, score))

# %% [markdown]
# ## Slices
# Which slices of the holdout are weak? They are defined by the image traits and by the unused columns; the weakest is first.

# %%
widened, widened_schema = add_traits(holdout, predictor, schema)
parts = evaluate.slices(widened, predictions, widened_schema, positive, metric=leading, seed=stage.request.seed)
overall = estimates.values[leading].value
stage.show("slices", evaluate.slices_table(parts, leading, overall), report=True)

# %% [markdown]
# ## Error analysis
# The errors with the highest predicted probability. Review their labels first: some are labelled wrongly, others show several classes.

# %%
stage.show("error_examples", explain.error_examples(predictor, holdout, predictions), report=True)

# %% [markdown]
# ## Grad-CAM
# Which regions support the predicted class? If they lie in the background, the model has learned the scene instead of the object.

# %%
stage.show("local", explain.grad_cam_examples(predictor, holdout, predictions), report=True)

# %% [markdown]
# ## ONNX export
# The package also contains the model as an ONNX graph for services without Python. Its outputs are compared with those of the model on
# training images.

# %%
compared = 8  # images
graph = export(predictor, pictures.images.pixels[:compared])
write_graph(graph, model)
stage.show("onnx", export_facts(graph))

# %%
stage.save(model=model, served=model, predictions=predictions, metrics=estimates.values)

# %% [markdown]
# ## Limits
# - The holdout comes from the same cameras and places as the training set; monitoring has to detect when these change.
# - Intervals describe this model on new images from the same source; they do not include the variation between trainings.
# - Grad-CAM is coarse, and explains one network of an ensemble.
