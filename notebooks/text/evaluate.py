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
# Does it hold on texts it never saw, for which of them, and why?

# %% tags=["parameters"]
upstream = {
    "ingest": ["train", "holdout", "schema"],
    "features": ["recipe", "folds", "leaks"],
    "tune": ["best", "tuned_oof"],
}
product = None
request = "reviews"

# %%
from glassbox.data.schema import Schema
from glassbox.families.classification import evaluate, metrics
from glassbox.families.classification.calibration.fit import calibrate, choose_threshold
from glassbox.families.classification.class_report import class_table, headline, risk_coverage
from glassbox.families.classification.plots import curves, outcomes
from glassbox.families.shared import holdout_ledger
from glassbox.families.text import explain
from glassbox.families.text.effort import EFFORT
from glassbox.families.text.load_dataset import text_dataset
from glassbox.families.text.recipe import Recipe
from glassbox.families.text.refit import refit
from glassbox.families.text.slices import by_length
from glassbox.findings.wording import plural
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("evaluate", request, upstream, product)
train, folds, best, tuned_oof = stage.load("train", "folds", "best", "tuned_oof")
schema = Schema.model_validate(stage.load("schema"))
asked = stage.request
texts = text_dataset(train, schema, Recipe.model_validate(best["recipe"]), folds, asked, stage.resources)
problem = texts.data
positive = problem.classes[problem.positive]
leading = best["metric"]
resamples = EFFORT[asked.cost].resamples

# %% [markdown]
# ## Probabilities and threshold, from train alone
# Out-of-fold predictions say whether the model's probabilities mean what they say.

# %%
oof = evaluate.oof_proba(tuned_oof, problem)
calibrated = calibrate(oof, problem.y, problem.fold, problem.positive)
stage.show("calibration_choice", calibrated.table)

# %% [markdown]
# Of two classes, from which probability on is a text called positive? With more, the most probable class is the answer.

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
# What tuning kept is fitted once more, on all texts of train.

# %%
predictor = refit(
    best,
    texts,
    schema,
    calibrated.calibration,
    threshold.value, stage.resources)
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
# A model of words knows its own texts nearly by heart; what counts is that out of fold and holdout agree.

# %%
stage.show("gap", evaluate.gap(predictor, problem, calibrated.proba, predictions, leading, predictor.threshold))

# %% [markdown]
# ## What it is good for

# %%
stage.show("headline", headline(predictions, problem.classes, plural(stage.request.data.row, "texts")), report=True)

# %% [markdown]
# Who was taken for whom. Dark off the diagonal is where it goes wrong.

# %%
stage.show("confusion", outcomes.confusion(predictions["y_true"], predictions["y_pred"], problem.classes), report=True)

# %%
stage.show("classes", class_table(predictions, problem.classes, "texts"), report=True)

# %% [markdown]
# If texts need not all be answered: the surest first, how right the model is on the share that it answers.

# %%
stage.show("coverage", risk_coverage(predictions, problem.classes, "texts"), report=True)

# %%
truth, score = evaluate.drawn(predictions, problem.classes, positive)
stage.show("roc", curves.roc(truth, score, found.values["roc_auc"]))

# %% [markdown]
# Points on the diagonal are probabilities that can be taken at their word.

# %%
stage.show("calibration", outcomes.calibration(truth, score))

# %% [markdown]
# ## Where it is weak
# The same score on parts of the holdout, the weakest first: by length, and by the columns that no model reads.

# %%
widened, widened_schema = by_length(holdout, predictor.recipe, schema)
parts = evaluate.slices(widened, predictions, widened_schema, positive, metric=leading, seed=asked.seed)
overall = found.values[leading].value
stage.show("slices", evaluate.slices_table(parts, leading, overall), report=True)

# %% [markdown]
# The mistakes that it was surest of. Read them before the model: some are labelled wrong, and some say both.

# %%
stage.show("mistakes", explain.mistakes(predictor, holdout, predictions), report=True)

# %% [markdown]
# ## Why
# What weighs most, in all texts.

# %%
stage.show("weights", explain.weighty_words(predictor), report=True)

# %% [markdown]
# And in single texts: what each word adds to what the model says.

# %%
stage.show("local", explain.explained(predictor, holdout), report=True)

# %%
stage.save(model=model, served=model, predictions=predictions, metrics=found.values)

# %% [markdown]
# ## Limits of what was shown
# - The holdout is of the same time and source as train. Talk changes; monitoring has to tell.
# - Intervals speak of this model on other texts like these, not of another model fitted on other texts.
# - What a word adds is what it adds for this model: taking it out of a text need not change what the text means.
