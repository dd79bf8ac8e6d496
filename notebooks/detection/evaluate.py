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
# How well does the detector generalise to new images, for which objects, and which errors does it make?

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
from glassbox.families.detection.score_threshold import choose_thresholds, thresholds_table
from glassbox.families.detection.scorer import read_oof
from glassbox.families.shared import holdout_ledger
from glassbox.families.vision.onnx_export import write_graph
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("evaluate", request, upstream, product)
train, folds, best, tuned_oof = stage.load("train", "folds", "best", "tuned_oof")
schema = Schema.model_validate(stage.load("schema"))
recipe = Recipe.model_validate(best["recipe"])
leading = best["metric"]
dataset = detection_dataset(train, schema, recipe, folds, stage.request, stage.resources)

# %% [markdown]
# ## Score threshold
# The score threshold and the threshold of non-maximum suppression are thresholds on the out-of-fold boxes.

# %%
oof = read_oof(tuned_oof, dataset)
thresholds = choose_thresholds(dataset.boxes, oof, dataset.labels)
stage.show("threshold_choice", thresholds_table(thresholds))

# %%
stage.show("threshold", plots.threshold_curve(thresholds.curve, thresholds.score))

# %% [markdown]
# ## Final model
# The tuned detector is fitted again on all training images.

# %%
predictor = evaluate.refit(best, dataset, schema, thresholds, stage.resources)
model = stage.folder("model")
predictor.save(model)

# %% [markdown]
# ## Holdout evaluation
# The holdout is loaded here for the first time.

# %%
holdout = stage.load("holdout")
predictions = evaluate.predictions(predictor, holdout)
matches = evaluate.matches_of(predictions, predictor.labels)
stage.show("holdout_reads", holdout_ledger.holdout_reads(stage.holdout_reads), measured=True)

# %% [markdown]
# Intervals are bootstrap intervals over images. A requirement is decided only if its bound lies outside of the interval.

# %%
estimates = evaluate.holdout_metrics(
    matches,
    predictor.threshold,
    leading=leading,
    resamples=EFFORT[stage.request.cost].resamples,
    seed=stage.request.seed,
)
stage.show("metrics", estimates, report=True)

# %% [markdown]
# ## Generalisation gap
# A large gap between training and out of fold is overfitting. A large gap between out of fold and holdout means that the holdout differs,
# or that tuning has overfitted the folds.

# %%
stage.show("gap", evaluate.generalization_gap(predictor, dataset, oof, matches, leading))

# %% [markdown]
# ## Summary
# What does the result mean in practice?

# %%
stage.show("headline", evaluate.headline(matches, predictions), report=True)

# %%
stage.show("examples", evaluate.examples(predictions, holdout, recipe.column, wrong=False), report=True)

# %%
stage.show("labels", evaluate.label_table(matches, predictions), report=True)

# %% [markdown]
# ## Precision-recall curve
# A curve that falls early belongs to a label with errors at high scores. Dots mark the score threshold.

# %%
stage.show("precision_recall", plots.precision_recall(matches, predictor.threshold), report=True)

# %% [markdown]
# ## Calibration curve
# Points on the diagonal are calibrated scores; the detector itself is not calibrated.

# %%
if matches.predicted:
    stage.show("calibration", outcomes.calibration(*plots.correctness_and_scores(matches)))

# %% [markdown]
# ## Error analysis
# Localisation errors are inaccurate edges; classification errors and missed objects are failures to recognise the object.

# %%
stage.show("errors", evaluate.error_table(predictions), report=True)

# %%
stage.show("slices", evaluate.slices(predictions, matches, leading), report=True)

# %%
stage.show("error_examples", evaluate.examples(predictions, holdout, recipe.column, wrong=True), report=True)

# %% [markdown]
# ## ONNX export
# The package also contains the network as an ONNX graph for services without Python. Its outputs are compared with those of the detector
# on training images. Non-maximum suppression is not part of the graph; the table lists the post-processing.

# %%
compared = 8  # images
graph = export(predictor, dataset.images.pixels[:compared])
if graph is not None:
    write_graph(graph, model)
stage.show("onnx", export_facts(graph, predictor))

# %%
stage.save(model=model, served=model, predictions=predictions, metrics=estimates.values)

# %% [markdown]
# ## Limits
# - A detected object that has no box in the annotations counts as a false positive: review the images before you rely on the counts.
# - The holdout comes from the same source as the training set; other cameras and other light are harder.
# - Intervals describe this detector on new images from the same source; they do not include the variation between trainings.
