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
# How well does the recogniser perform on the holdout, where does it fail, and why?

# %% tags=["parameters"]
upstream = {
    "ingest": ["train", "holdout", "schema"],
    "features": ["recipe", "folds", "leaks"],
    "tune": ["best", "tuned_oof"],
}
product = None
request = "news"

# %%
from glassbox.data.schema import Schema
from glassbox.families.classification.plots import outcomes
from glassbox.families.entities import evaluate
from glassbox.families.entities.effort import EFFORT
from glassbox.families.entities.load_dataset import entity_dataset
from glassbox.families.entities.recipe import Recipe
from glassbox.families.entities.refit import has_known_types, refit, refit_on_all
from glassbox.families.entities.scorer import read_oof
from glassbox.families.shared import holdout_ledger
from glassbox.families.shared.serving_refit import serve
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("evaluate", request, upstream, product)
train, folds, best, tuned_oof = stage.load("train", "folds", "best", "tuned_oof")
schema = Schema.model_validate(stage.load("schema"))
recipe = Recipe.model_validate(best["recipe"])
leading_metric = best["metric"]
dataset = entity_dataset(train, schema, recipe, folds, stage.request, stage.resources)

# %% [markdown]
# ## Refit
# The selected model is fitted on all training texts.

# %%
predictor = refit(best, dataset, schema, stage.resources)
model = stage.folder("model")
predictor.save(model)

# %% [markdown]
# ## Holdout evaluation
# This is the only stage that reads the holdout.

# %%
holdout = stage.load("holdout")
predictions = evaluate.predictions(predictor, holdout)
match_counts = evaluate.counts_of(predictions, holdout, predictor.types)
stage.show("holdout_reads", holdout_ledger.holdout_reads(stage.holdout_reads), measured=True)

# %% [markdown]
# A predicted entity is correct if its boundaries and its type match exactly. The confidence intervals are bootstrap intervals over
# documents.

# %%
holdout_metrics = evaluate.holdout_metrics(
    match_counts, leading=leading_metric, resamples=EFFORT[stage.request.cost].resamples, seed=stage.request.seed
)
stage.show("metrics", holdout_metrics, report=True)

# %% [markdown]
# ## Generalisation gap
# A score that is much better on train than out of fold indicates overfitting. A score that is better out of fold than on the holdout
# indicates that the holdout has a different distribution, or an optimistic bias of the model selection.

# %%
oof = read_oof(tuned_oof, dataset)
stage.show("gap", evaluate.generalization_gap(predictor, dataset, oof, match_counts, leading_metric))

# %% [markdown]
# ## Performance summary
# How many entities does the recogniser find, and how many of its predictions are correct?

# %%
stage.show("headline", evaluate.headline(match_counts), report=True)

# %% [markdown]
# Predicted entities are marked in texts of the holdout.

# %%
stage.show("examples", evaluate.examples(predictions, holdout, predictor, wrong=False), report=True)

# %% [markdown]
# ## Metrics by type
# Precision, recall and F1 of each entity type, the lowest F1 first.

# %%
stage.show("types", evaluate.type_table(match_counts), report=True)

# %% [markdown]
# ## Confusion matrix
# Each true entity is compared with the predicted entity that overlaps it; *nothing* means that none does.

# %%
stage.show("confusion", outcomes.confusion(*evaluate.confusion(predictions)), report=True)

# %% [markdown]
# ## Error analysis
# Wrong boundaries often result from ambiguous annotation guidelines; wrong types and missed entities do not.

# %%
stage.show("errors", evaluate.error_types(predictions), report=True)

# %% [markdown]
# ## Performance by slice
# The metric on slices of the holdout, which are defined by text length, capitalisation, and the presence of the names in train.

# %%
stage.show("slices", evaluate.slices(predictions, holdout, dataset, predictor, leading_metric), report=True)

# %% [markdown]
# ## Examples of errors
# The texts with the most errors. Check their labels first: some are wrong.

# %%
stage.show("error_examples", evaluate.examples(predictions, holdout, predictor, wrong=True), report=True)

# %% [markdown]
# ## Refit for serving
# More texts usually improve a model. The served model is therefore fitted again on train and holdout, unless the request specifies
# `serve: evaluated`.

# %%
def refit_rows(rows):
    all_texts = entity_dataset(rows, schema, recipe, None, stage.request, stage.resources)
    return refit_on_all(predictor, all_texts, stage.resources)


served = serve(stage, predictor, model, train, holdout, known=lambda rows: has_known_types(rows, predictor), refit=refit_rows)
stage.show("refit", served.note, report=True)

# %%
stage.save(model=model, served=served.folder, predictions=predictions, metrics=holdout_metrics.values)

# %% [markdown]
# ## Limits
# - Predicted entities have no probability, so false positives cannot be filtered by confidence.
# - Inconsistent labels limit the score that any recogniser can reach.
# - The holdout comes from the same source as train; later texts contain new names.
