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
# Does it hold on texts it never saw, for which entities, and what does it take for what?

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
asked, leading = stage.request, best["metric"]
sentences = entity_dataset(train, schema, recipe, folds, asked, stage.resources)

# %% [markdown]
# ## The recogniser
# What tuning kept is fitted once more, on all texts of train.

# %%
predictor = evaluate.refit(best, sentences, schema, stage.resources)
model = stage.folder("model")
predictor.save(model)

# %% [markdown]
# ## The seal is broken
# Here, and nowhere else, the holdout is opened.

# %%
holdout = stage.load("holdout")
predictions = evaluate.predictions(predictor, holdout)
counts = evaluate.counts_of(predictions, holdout, predictor.types)
stage.show("opened", holdout_ledger.opened(stage.holdout_reads), measured=True)

# %% [markdown]
# An entity counts where both ends and the type are right. Documents are redrawn as a whole for the intervals.

# %%
found = evaluate.holdout_metrics(
    counts, leading=leading, resamples=EFFORT[asked.cost].resamples, seed=asked.seed
)
stage.show("metrics", found, report=True)

# %% [markdown]
# Far better on texts that taught than out of fold: known by heart. Better out of fold than on the holdout: the holdout is different, or
# the search has flattered itself.

# %%
oof = read_oof(tuned_oof, sentences)
stage.show("gap", evaluate.gap(predictor, sentences, oof, counts, leading))

# %% [markdown]
# ## What it is good for

# %%
stage.show("headline", evaluate.headline(counts), report=True)

# %%
stage.show("examples", evaluate.examples(predictions, holdout, predictor, wrong=False), report=True)

# %%
stage.show("types", evaluate.type_table(counts), report=True)

# %% [markdown]
# What is taken for what: an entity is set against the one that was found where it stands, or against nothing.

# %%
stage.show("confusion", outcomes.confusion(*evaluate.confusion(predictions)), report=True)

# %% [markdown]
# ## Where it goes wrong
# Wrong ends are a matter of convention more often than of understanding; wrong types and misses are not.

# %%
stage.show("errors", evaluate.error_kinds(predictions), report=True)

# %%
stage.show("slices", evaluate.slices(predictions, holdout, sentences, predictor, leading), report=True)

# %%
stage.show("mistakes", evaluate.examples(predictions, holdout, predictor, wrong=True), report=True)

# %%
stage.save(model=model, served=model, predictions=predictions, metrics=found.values)

# %% [markdown]
# ## Limits of what was shown
# - No probability stands beside a span: what was named for nothing cannot be told beforehand.
# - Labels follow a convention; where it is at odds with itself, no recogniser can be right.
# - The holdout is what the data calls so; texts of another time have other names in them.
