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
# Does it hold on pictures it never saw, for which objects, and which mistakes does it make?

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
from glassbox.families.detection import evaluate, metrics, plots
from glassbox.families.detection.load_dataset import scenes_of
from glassbox.families.detection.onnx_export import export, export_facts
from glassbox.families.detection.recipe import Recipe
from glassbox.families.detection.score_threshold import choose_thresholds, thresholds_table
from glassbox.families.detection.scorer import BoxJudge
from glassbox.families.shared import holdout_ledger
from glassbox.families.shared.set_prediction import read_oof
from glassbox.families.vision.onnx_graph import write_graph
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("evaluate", request, upstream, product)
train, folds, best, tuned_oof = stage.load("train", "folds", "best", "tuned_oof")
schema = Schema.model_validate(stage.load("schema"))
recipe = Recipe.model_validate(best["recipe"])
asked, leading = stage.request, best["metric"]
scenes = scenes_of(train, schema, recipe, folds, asked, stage.root, stage.kept, workers=stage.most_threads)

# %% [markdown]
# ## Which boxes are answered, from train alone
# A detector ranks many boxes, most of them unsure. From which score on one is answered, and when two are one, is chosen on out-of-fold
# boxes.

# %%
oof = read_oof(tuned_oof, BoxJudge(scenes))
chosen = choose_thresholds(scenes.boxes, oof, scenes.labels)
stage.show("threshold_choice", thresholds_table(chosen))

# %%
stage.show("threshold", plots.threshold_curve(chosen.curve, chosen.threshold))

# %% [markdown]
# ## The detector
# What tuning kept is fitted once more, on all pictures of train.

# %%
predictor = evaluate.refit(best, scenes, schema, chosen, seed=asked.seed, threads=stage.threads)
model = stage.folder("model")
predictor.save(model)

# %% [markdown]
# ## The seal is broken
# Here, and nowhere else, the holdout is opened.

# %%
holdout = stage.load("holdout")
predictions = evaluate.predictions(predictor, holdout)
matches = evaluate.matches_of(predictions, predictor.labels)
stage.show("opened", holdout_ledger.opened(stage.openings), measured=True)

# %% [markdown]
# Pictures are redrawn for the intervals. A requirement is met or not only where its bound lies outside of the interval.

# %%
found = evaluate.holdout_metrics(
    matches, predictor.threshold, leading=leading, resamples=metrics.RESAMPLES[asked.cost], seed=asked.seed
)
stage.show("metrics", found, report=True)

# %% [markdown]
# Far better on pictures that taught than out of fold: known by heart. Better out of fold than on the holdout: the holdout is different, or
# the search has flattered itself.

# %%
stage.show("gap", evaluate.gap(predictor, scenes, oof, matches, leading))

# %% [markdown]
# ## What it is good for

# %%
stage.show("headline", evaluate.headline(matches, predictions), report=True)

# %%
stage.show("examples", evaluate.examples(predictions, holdout, recipe.column, wrong=False), report=True)

# %%
stage.show("labels", evaluate.label_table(matches, predictions), report=True)

# %% [markdown]
# A curve that falls early is a label for which sure answers are wrong. Dots mark where answers end.

# %%
stage.show("precision_recall", plots.precision_recall(matches, predictor.threshold), report=True)

# %% [markdown]
# Points on the diagonal are scores that can be taken as probabilities; nothing here makes them so.

# %%
if matches.found:
    stage.show("calibration", outcomes.calibration(*plots.correctness_and_scores(matches)))

# %% [markdown]
# ## Where it goes wrong
# A loose box is a matter of edges; a wrong label or an object that was missed is one of understanding.

# %%
stage.show("errors", evaluate.error_table(predictions), report=True)

# %%
stage.show("slices", evaluate.slices(predictions, matches, leading), report=True)

# %%
stage.show("mistakes", evaluate.examples(predictions, holdout, recipe.column, wrong=True), report=True)

# %% [markdown]
# ## For whoever serves without Python
# The network as one ONNX graph, beside the model, held against it on pictures of train. It says what stands at each place; thinning out
# is left to whoever asks it, as the table says.

# %%
compared = 8  # pictures
graph = export(predictor, scenes.album.pixels[:compared])
if graph is not None:
    write_graph(graph, model)
stage.show("onnx", export_facts(graph, predictor))

# %%
stage.save(model=model, served=model, predictions=predictions, metrics=found.values)

# %% [markdown]
# ## Limits of what was shown
# - An object without a box in the labels counts as a mistake when it is found: look at the pictures before believing the count.
# - The holdout is of the same source as train; other cameras and other light will be harder.
# - Intervals speak of this detector on other pictures like these, not of another one taught by other pictures.
