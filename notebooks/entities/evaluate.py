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
# How well does the recogniser perform on unseen texts, and which errors does it make?

# %% tags=["parameters"]
upstream = {
    "ingest": ["train", "holdout", "schema"],
    "features": ["recipe", "folds", "leaks"],
    "tune": ["best", "tuned_oof"],
}
product = None
request = "entities"

# %%
from glassbox.data.schema import Schema
from glassbox.families.classification.plots import outcomes
from glassbox.families.entities import evaluate
from glassbox.families.entities.effort import EFFORT
from glassbox.families.entities.load_dataset import entity_dataset
from glassbox.families.entities.recipe import Recipe
from glassbox.families.entities.scorer import read_oof
from glassbox.families.shared import holdout_ledger
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("evaluate", request, upstream, product)
train, folds, best, tuned_oof = stage.load("train", "folds", "best", "tuned_oof")
schema = Schema.model_validate(stage.load("schema"))
recipe = Recipe.model_validate(best["recipe"])
leading = best["metric"]
sentences = entity_dataset(train, schema, recipe, folds, stage.request, stage.resources)

# %% [markdown]
# ## Refit
# The tuned candidate is fitted again on all training texts.

# %%
predictor = evaluate.refit(best, sentences, schema, stage.resources)
model = stage.folder("model")
predictor.save(model)

# %% [markdown]
# ## Holdout evaluation
# This is the only stage that reads the holdout.

# %%
holdout = stage.load("holdout")
predictions = evaluate.predictions(predictor, holdout)
counts = evaluate.counts_of(predictions, holdout, predictor.types)
stage.show("holdout_reads", holdout_ledger.holdout_reads(stage.holdout_reads), measured=True)

# %% [markdown]
# A predicted entity is correct when its boundaries and its type match exactly. Confidence intervals resample whole documents.

# %%
holdout_metrics = evaluate.holdout_metrics(
    counts, leading=leading, resamples=EFFORT[stage.request.cost].resamples, seed=stage.request.seed
)
stage.show("metrics", holdout_metrics, report=True)

# %% [markdown]
# ## Generalisation gap
# A score that is much higher on train than out of fold indicates overfitting. A score that is higher out of fold than on the
# holdout indicates a different distribution of the holdout, or an optimistic bias of the search.

# %%
oof = read_oof(tuned_oof, sentences)
stage.show("gap", evaluate.generalization_gap(predictor, sentences, oof, counts, leading))

# %% [markdown]
# ## Performance summary
# How many entities does the recogniser find, and how many of its predictions are correct?

# %%
stage.show("headline", evaluate.headline(counts), report=True)

# %% [markdown]
# Entities that the recogniser predicted in unseen texts are marked.

# %%
stage.show("examples", evaluate.examples(predictions, holdout, predictor, wrong=False), report=True)

# %% [markdown]
# ## Metrics by type
# Types differ in how well they are recognised; the one with the lowest F1 comes first.

# %%
stage.show("types", evaluate.type_table(counts), report=True)

# %% [markdown]
# ## Confusion matrix
# Each true entity is compared with the predicted entity that overlaps it, or with *nothing*.

# %%
stage.show("confusion", outcomes.confusion(*evaluate.confusion(predictions)), report=True)

# %% [markdown]
# ## Error analysis
# Wrong boundaries are often a matter of labelling convention; wrong types and missed entities are not.

# %%
stage.show("errors", evaluate.error_types(predictions), report=True)

# %% [markdown]
# The same metric on slices of the holdout: by text length, capitalisation, and whether the names occur in train.

# %%
stage.show("slices", evaluate.slices(predictions, holdout, sentences, predictor, leading), report=True)

# %% [markdown]
# The texts with the most errors. Some labels may be wrong as well.

# %%
stage.show("error_examples", evaluate.examples(predictions, holdout, predictor, wrong=True), report=True)

# %%
stage.save(model=model, served=model, predictions=predictions, metrics=holdout_metrics.values)

# %% [markdown]
# ## Limits
# - Predicted entities have no probability, so spurious ones cannot be filtered by confidence.
# - Where labels are inconsistent, no recogniser can be fully correct.
# - The holdout comes from the same source as train; later texts contain new names.
