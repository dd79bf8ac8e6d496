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
# Does it hold on pictures it never saw, for which of them, and why?

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
from glassbox.families.vision.dataset import pictures_of
from glassbox.families.vision.onnx_export import export, export_facts
from glassbox.families.vision.onnx_graph import write_graph
from glassbox.families.vision.recipe import Recipe
from glassbox.families.vision.refit import refit
from glassbox.families.vision.slices import add_traits
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("evaluate", request, upstream, product)
train, split, folds, best, tuned_oof = stage.load("train", "split", "folds", "best", "tuned_oof")
schema = Schema.model_validate(stage.load("schema"))
asked = stage.request
pictures = pictures_of(
    train,
    schema,
    Recipe.model_validate(best["recipe"]),
    folds,
    asked,
    stage.root,
    stage.kept,
    workers=stage.most_threads,
    progress=stage.progress,
)
problem = pictures.problem
positive = problem.classes[problem.positive]
leading = best["metric"]
resamples = metrics.RESAMPLES[asked.cost]

# %% [markdown]
# ## Probabilities and threshold, from train alone
# Out-of-fold predictions say whether the model's probabilities mean what they say.

# %%
oof = evaluate.oof_proba(tuned_oof, problem)
calibrated = calibrate(oof, problem.y, problem.fold, problem.positive)
stage.show("calibration_choice", calibrated.table)

# %% [markdown]
# Of two classes, from which probability on is a picture called positive? With more, the most probable class is the answer.

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
# What tuning kept is fitted once more, on all pictures of train.

# %%
predictor = refit(
    best,
    pictures,
    schema,
    calibrated.calibration,
    threshold.value,
    seed=asked.seed,
    threads=stage.threads,
)
model = stage.folder("model")
predictor.save(model)

# %% [markdown]
# ## The seal is broken
# Here, and nowhere else, the holdout is opened.

# %%
holdout = stage.load("holdout")
predictions = evaluate.predictions(predictor, holdout)
stage.show("opened", holdout_ledger.opened(stage.openings), measured=True)

# %% [markdown]
# Every metric of the task with its 95 % interval; pictures that look nearly the same are redrawn together, since they say the same twice. A requirement is met or not only where its bound lies outside of the interval.

# %%
grouped_by = asked.split.column if asked.split.by == "group" else None
found = evaluate.holdout_metrics(
    predictions,
    problem.classes,
    positive,
    leading=leading,
    resamples=resamples,
    seed=asked.seed,
    clusters=evaluate.holdout_clusters(holdout, grouped_by, split),
)
stage.show("metrics", found, report=True)

# %% [markdown]
# A network knows its own pictures nearly by heart; what counts is that out of fold and holdout agree.

# %%
stage.show("gap", evaluate.gap(predictor, problem, calibrated.proba, predictions, leading, predictor.threshold))

# %% [markdown]
# ## What it is good for

# %%
stage.show("headline", headline(predictions, problem.classes, "pictures"), report=True)

# %% [markdown]
# Who was taken for whom. Dark off the diagonal is where it goes wrong.

# %%
stage.show("confusion", outcomes.confusion(predictions["y_true"], predictions["y_pred"], problem.classes), report=True)

# %%
stage.show("classes", class_table(predictions, problem.classes, "pictures"), report=True)

# %% [markdown]
# If pictures need not all be answered: the surest first, how right the model is on the share that it answers.

# %%
stage.show("coverage", risk_coverage(predictions, problem.classes, "pictures"), report=True)

# %%
truth, score = evaluate.drawn(predictions, problem.classes, positive)
stage.show("roc", curves.roc(truth, score, found.values["roc_auc"]))

# %% [markdown]
# Points on the diagonal are probabilities that can be taken at their word.

# %%
stage.show("calibration", outcomes.calibration(truth, score))

# %% [markdown]
# ## Where it is weak
# The same score on parts of the holdout, the weakest first: by size, light, colour and sharpness, and by the columns that no model reads.

# %%
widened, widened_schema = add_traits(holdout, predictor, schema)
parts = evaluate.slices(widened, predictions, widened_schema, positive, metric=leading, seed=asked.seed)
overall = found.values[leading].value
stage.show("slices", evaluate.slices_table(parts, leading, overall), report=True)

# %% [markdown]
# The mistakes that it was surest of. Look at them before you look at the model: some are labelled wrong, and some show both.

# %%
stage.show("mistakes", explain.confident_errors(predictor, holdout, predictions), report=True)

# %% [markdown]
# ## Why
# What the model looked at. Where that is the background, it has learnt the room and not the thing.

# %%
stage.show("local", explain.grad_cam_examples(predictor, holdout, predictions), report=True)

# %% [markdown]
# ## For whoever serves without Python
# The model as one graph in ONNX, which stands beside it in the package. It is held against the model on pictures of train.

# %%
compared = 8  # pictures
graph = export(predictor, pictures.album.pixels[:compared])
write_graph(graph, model)
stage.show("onnx", export_facts(graph))

# %%
stage.save(model=model, served=model, predictions=predictions, metrics=found.values)

# %% [markdown]
# ## Limits of what was shown
# - The holdout is of the same cameras and places as train. Shops are rebuilt and phones replaced; monitoring has to tell.
# - Intervals speak of this model on other pictures like these, not of another model fitted on other pictures.
# - What was looked at is shown coarsely, and for one network where several are asked together.
