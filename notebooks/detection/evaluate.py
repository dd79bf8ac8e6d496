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
# How well does the detector perform on the holdout, where does it fail, and why?

# %% tags=["parameters"]
upstream = {
    "ingest": ["train", "holdout", "schema"],
    "features": ["recipe", "folds", "leaks"],
    "tune": ["best", "tuned_oof"],
}
product = None
request = "detect"

# %%
from glassbox.data.schema import Schema
from glassbox.families.classification.plots import outcomes
from glassbox.families.detection import evaluate, plots
from glassbox.families.detection.effort import EFFORT
from glassbox.families.detection.load_dataset import detection_dataset
from glassbox.families.detection.onnx_export import export, export_facts
from glassbox.families.detection.recipe import Recipe
from glassbox.families.detection.refit import has_known_labels, refit, refit_on_all
from glassbox.families.detection.score_threshold import choose_thresholds, thresholds_table
from glassbox.families.detection.scorer import read_oof
from glassbox.families.shared import holdout_ledger
from glassbox.families.shared.serving_refit import serve
from glassbox.families.vision.onnx_export import write_graph
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("evaluate", request, upstream, product)
train, folds, best, tuned_oof = stage.load("train", "folds", "best", "tuned_oof")
schema = Schema.model_validate(stage.load("schema"))
recipe = Recipe.model_validate(best["recipe"])
leading_metric = best["metric"]
dataset = detection_dataset(train, schema, recipe, folds, stage.request, stage.resources)

# %% [markdown]
# ## Score threshold
# The score threshold and the IoU threshold of non-maximum suppression are chosen on the out-of-fold predictions.

# %%
oof = read_oof(tuned_oof, dataset)
thresholds = choose_thresholds(dataset.boxes, oof, dataset.labels)
stage.show("threshold_choice", thresholds_table(thresholds))

# %% [markdown]
# Precision, recall and F1 depend on the score threshold; the selected one is marked.

# %%
stage.show("threshold", plots.threshold_curve(thresholds.curve, thresholds.score))

# %% [markdown]
# ## Refit
# The selected model is fitted on all training images.

# %%
predictor = refit(best, dataset, schema, thresholds, stage.resources)
model = stage.folder("model")
predictor.save(model)

# %% [markdown]
# ## Holdout evaluation
# This is the only stage that reads the holdout.

# %%
holdout = stage.load("holdout")
predictions = evaluate.predictions(predictor, holdout)
matches = evaluate.matches_of(predictions, predictor.labels)
stage.show("holdout_reads", holdout_ledger.holdout_reads(stage.holdout_reads), measured=True)

# %% [markdown]
# Metrics with bootstrap confidence intervals over images. A requirement is met or not met only if its bound lies outside the interval;
# otherwise it is not proven.

# %%
holdout_metrics = evaluate.holdout_metrics(
    matches,
    predictor.threshold,
    leading=leading_metric,
    resamples=EFFORT[stage.request.cost].resamples,
    seed=stage.request.seed,
)
stage.show("metrics", holdout_metrics, report=True)

# %% [markdown]
# ## Generalisation gap
# A score that is much better on train than out of fold indicates overfitting. A score that is better out of fold than on the holdout
# indicates that the holdout has a different distribution, or an optimistic bias of the model selection.

# %%
stage.show("gap", evaluate.generalization_gap(predictor, dataset, oof, matches, leading_metric))

# %% [markdown]
# ## Performance summary
# How many objects does the detector find, and how many of its predictions are correct?

# %%
stage.show("headline", evaluate.headline(matches, predictions), report=True)

# %% [markdown]
# Images of the holdout with correct predictions.

# %%
stage.show("examples", evaluate.examples(predictions, holdout, recipe.column, wrong=False), report=True)

# %% [markdown]
# ## Metrics by label
# Labels can differ in performance even if the overall score is high.

# %%
stage.show("labels", evaluate.label_table(matches, predictions), report=True)

# %% [markdown]
# ## Precision-recall curve
# If the curve of a label falls early, the label has errors with high scores. Dots mark the score threshold.

# %%
stage.show("precision_recall", plots.precision_recall(matches, predictor.threshold), report=True)

# %% [markdown]
# ## Calibration curve
# On the diagonal, the score equals the share of correct predictions. The scores are not calibrated.

# %%
if matches.predicted:
    stage.show("calibration", outcomes.calibration(*plots.correctness_and_scores(matches)))

# %% [markdown]
# ## Error analysis
# Types of errors: inaccurate boxes, wrong labels, duplicates, false positives in the background and missed objects.

# %%
stage.show("errors", evaluate.error_table(predictions), report=True)

# %% [markdown]
# ## Performance by slice
# The metric on slices of the holdout, the weakest slice first. Slices are defined by the number and the size of the objects.

# %%
stage.show("slices", evaluate.slices(predictions, matches, leading_metric), report=True)

# %% [markdown]
# ## Examples of errors
# Images of the holdout with errors. Check their annotations first: some boxes are missing or wrong.

# %%
stage.show("error_examples", evaluate.examples(predictions, holdout, recipe.column, wrong=True), report=True)

# %% [markdown]
# ## Refit for serving
# More images usually improve a model. The served model is therefore fitted again on train and holdout, unless the request specifies
# `serve: evaluated`.

# %%
def refit_rows(rows):
    all_images = detection_dataset(rows, schema, recipe, None, stage.request, stage.resources)
    return refit_on_all(predictor, all_images, stage.resources)


served = serve(stage, predictor, model, train, holdout, known=lambda rows: has_known_labels(rows, predictor), refit=refit_rows)
stage.show("refit", served.note, report=True)

# %% [markdown]
# ## ONNX export
# The package also contains the served network as an ONNX graph for services without Python. Its outputs are compared with those of the
# detector on training images. Non-maximum suppression is not part of the graph; the table lists the required postprocessing.

# %%
compared_images = 8
graph = export(served.predictor, dataset.images.pixels[:compared_images])
if graph is not None:
    write_graph(graph, served.folder)
stage.show("onnx", export_facts(graph, served.predictor))

# %%
stage.save(model=model, served=served.folder, predictions=predictions, metrics=holdout_metrics.values)

# %% [markdown]
# ## Limits
# - A detected object without a box in the annotations counts as a false positive: review the images before you rely on the counts.
# - The holdout comes from the same source as train; other cameras and lighting are harder.
# - Confidence intervals apply to this model on similar images; they do not include the variation between models fitted on other data.
