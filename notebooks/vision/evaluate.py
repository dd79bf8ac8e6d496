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
    "ingest": ["train", "holdout", "schema", "split"],
    "features": ["recipe", "folds", "leaks"],
    "tune": ["best", "tuned_oof"],
}
product = None
request = "groceries"

# %%
from glassbox.data.schema import Schema
from glassbox.families.classification import evaluate
from glassbox.families.classification.calibration.fit import calibrate, decision_threshold
from glassbox.families.classification.class_report import class_table, headline, risk_coverage
from glassbox.families.classification.plots import curves, outcomes
from glassbox.families.shared import holdout_ledger
from glassbox.families.shared.serving_refit import serve
from glassbox.families.vision import explain
from glassbox.families.vision.effort import EFFORT
from glassbox.families.vision.load_dataset import vision_dataset
from glassbox.families.vision.onnx_export import export, export_facts, write_graph
from glassbox.families.vision.recipe import Recipe
from glassbox.families.vision.refit import refit, refit_on_all
from glassbox.families.vision.slices import add_traits
from glassbox.findings.wording import plural
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("evaluate", request, upstream, product)
train, split, folds, best, tuned_oof = stage.load("train", "split", "folds", "best", "tuned_oof")
schema = Schema.model_validate(stage.load("schema"))
dataset = vision_dataset(train, schema, Recipe.model_validate(best["recipe"]), folds, stage.request, stage.resources)
labelled = dataset.data
positive = labelled.classes[labelled.positive]
leading_metric = best["metric"]
resamples = EFFORT[stage.request.cost].resamples

# %% [markdown]
# ## Calibration
# Out-of-fold predictions on train show whether predicted probabilities match observed frequencies. Calibration methods are compared by
# cross-validation.

# %%
oof = evaluate.oof_proba(tuned_oof, labelled)
calibrated = calibrate(oof, labelled.y, labelled.fold, labelled.positive)
stage.show("calibration_choice", calibrated.table)

# %% [markdown]
# ## Decision threshold
# With two classes, an image is predicted as positive if its probability is at least the threshold. With more classes, the most probable
# class is predicted.

# %%
threshold = decision_threshold(calibrated.proba, labelled, stage.request)
if labelled.binary:
    stage.show("threshold_choice", threshold.facts(positive))
    stage.show("threshold", curves.threshold(threshold.curve, threshold.value))

# %% [markdown]
# ## Refit
# The selected model is fitted on all training images.

# %%
predictor = refit(
    best,
    dataset,
    schema,
    calibrated.calibration,
    threshold.value,
    stage.resources,
)
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
# is not proven. Near-duplicates are resampled together, because they are not independent.

# %%
group_column = stage.request.split.column if stage.request.split.by == "group" else None
holdout_metrics = evaluate.holdout_metrics(
    predictions,
    labelled.classes,
    positive,
    leading=leading_metric,
    resamples=resamples,
    seed=stage.request.seed,
    clusters=evaluate.holdout_clusters(holdout, group_column, split),
)
stage.show("metrics", holdout_metrics, report=True)

# %% [markdown]
# ## Generalisation gap
# Networks fit their training images almost perfectly, so a high score on train is expected. The out-of-fold and holdout scores should be
# similar.

# %%
stage.show(
    "gap", evaluate.generalization_gap(predictor, labelled, calibrated.proba, predictions, leading_metric, predictor.threshold)
)

# %% [markdown]
# ## Performance summary
# How often is the prediction correct, compared with always predicting the most frequent class?

# %%
stage.show("headline", headline(predictions, labelled.classes, plural(stage.request.data.row, "pictures")), report=True)

# %% [markdown]
# ## Confusion matrix
# Rows are true classes and columns are predicted classes; dark cells off the diagonal are frequent errors.

# %%
stage.show("confusion", outcomes.confusion(predictions["y_true"], predictions["y_pred"], labelled.classes), report=True)

# %% [markdown]
# ## Metrics by class
# Precision and recall can differ between classes even if the overall score is high.

# %%
stage.show("classes", class_table(predictions, labelled.classes, "pictures"), report=True)

# %% [markdown]
# ## Risk-coverage curve
# The accuracy on the most confident share of the images, if the model may abstain on the rest.

# %%
stage.show("coverage", risk_coverage(predictions, labelled.classes, "pictures"), report=True)

# %% [markdown]
# ## ROC curve
# The curve shows the trade-off between true and false positive rates over all thresholds.

# %%
truth, score = evaluate.truth_and_scores(predictions, labelled.classes, positive)
stage.show("roc", curves.roc(truth, score, holdout_metrics.values["roc_auc"]))

# %% [markdown]
# ## Calibration curve
# On the diagonal, the predicted probability equals the observed frequency.

# %%
stage.show("calibration", outcomes.calibration(truth, score))

# %% [markdown]
# ## Performance by slice
# The metric on slices of the holdout, the weakest slice first. Slices are defined by image traits, such as brightness, and by the columns
# that the model does not use.

# %%
holdout_with_traits, schema_with_traits = add_traits(holdout, predictor, schema)
slice_scores = evaluate.slices(
    holdout_with_traits, predictions, schema_with_traits, positive, metric=leading_metric, seed=stage.request.seed
)
overall_score = holdout_metrics.values[leading_metric].value
stage.show("slices", evaluate.slices_table(slice_scores, leading_metric, overall_score), report=True)

# %% [markdown]
# ## Error analysis
# The errors with the highest predicted probabilities. Check their labels first: some images are mislabelled or show several classes.

# %%
stage.show("error_examples", explain.error_examples(predictor, holdout, predictions), report=True)

# %% [markdown]
# ## Grad-CAM
# Which image regions support the predicted class? If they lie in the background, the model has learned the scene instead of the object.

# %%
stage.show("local", explain.grad_cam_examples(predictor, holdout, predictions), report=True)

# %% [markdown]
# ## Refit for serving
# More images usually improve a model. The served model is therefore fitted again on train and holdout, unless the request specifies
# `serve: evaluated`.

# %%
def refit_rows(rows):
    all_images = vision_dataset(rows, schema, predictor.recipe, None, stage.request, stage.resources)
    return refit_on_all(predictor, all_images, stage.resources)


served = serve(stage, predictor, model, train, holdout, known=lambda rows: rows[schema.target].isin(labelled.classes), refit=refit_rows)
stage.show("refit", served.note, report=True)

# %% [markdown]
# ## ONNX export
# The package also contains the served model as an ONNX graph for services without Python. Its outputs are compared with those of the
# model on training images.

# %%
compared_images = 8
graph = export(served.predictor, dataset.images.pixels[:compared_images])
write_graph(graph, served.folder)
stage.show("onnx", export_facts(graph))

# %%
stage.save(model=model, served=served.folder, predictions=predictions, metrics=holdout_metrics.values)

# %% [markdown]
# ## Limits
# - The holdout comes from the same cameras and places as train. Monitoring has to detect later changes.
# - Confidence intervals apply to this model on similar images; they do not include the variation between models fitted on other data.
# - Grad-CAM heatmaps are coarse, and explain only one network of an ensemble.
