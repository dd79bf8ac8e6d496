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
# # Compare
# Which kind of recogniser deserves to be tuned?

# %% tags=["parameters"]
upstream = {"ingest": ["train", "schema"], "features": ["recipe", "folds"]}
product = None
request = "entities"

# %%
from glassbox.data.schema import Schema
from glassbox.families.entities import metrics
from glassbox.families.entities.candidates import candidates
from glassbox.families.entities.fit import fitter
from glassbox.families.entities.load_dataset import setting
from glassbox.families.entities.models import KINDS
from glassbox.families.entities.recipe import Recipe
from glassbox.families.entities.scorer import OVER_TEXTS, SpanJudge
from glassbox.families.shared import selection_plots
from glassbox.families.shared.candidates import candidate_table
from glassbox.families.shared.leaderboard import choice, leaderboard_frame, leaderboard_table, timing_table
from glassbox.families.shared.set_prediction import compare
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("compare", request, upstream, product)
train, folds = stage.load("train", "folds")
schema = Schema.model_validate(stage.load("schema"))
recipe = Recipe.model_validate(stage.load("recipe"))
asked = stage.request
sentences = setting(train, schema, recipe, folds, asked, stage.root, workers=stage.workers)

# %% [markdown]
# These are tried, on the same folds: a list of names, a pipeline as it comes, and recognisers that learn. Add one, drop one, and run the
# cell again: what was fitted before is remembered.

# %%
tried = candidates(asked.cost, encoder=asked.weights.encoder is not None, pipeline=asked.weights.pipeline is not None)
# tried += [Candidate(name="longer", kind="recogniser", params={"epochs": 10, "start": "pipeline"})]
stage.show("candidates", candidate_table(tried))

# %% [markdown]
# An entity is found where both ends and the type are right, and not otherwise.

# %%
leading = metrics.leading_metric(asked.requirements)
fit = fitter(sentences, seed=asked.seed, threads=stage.threads, memo=stage.cache)
comparison = compare(
    tried,
    SpanJudge(sentences),
    fit,
    KINDS,
    metric=leading,
    seed=asked.seed,
    resamples=metrics.RESAMPLES[asked.cost],
    threads=stage.threads,
    workers=stage.workers,
    progress=stage.progress,
)

# %% [markdown]
# ## The leaderboard
# The best stands first; the last column says how far each one is behind it on the very same texts.

# %%
stage.show(
    "leaderboard",
    leaderboard_table(comparison.leaderboard, ("precision", "recall"), note=OVER_TEXTS),
    report=True,
)

# %% [markdown]
# Dots are over all out-of-fold texts, lines are 95 % intervals; a dashed line is what the request asks for.

# %%
bound = asked.requirements.get(leading)
stage.show(
    "leaderboard_figure",
    selection_plots.leaderboard(leaderboard_frame(comparison.leaderboard), leading, bound.value if bound else None),
    report=True,
)

# %% [markdown]
# ## Which one is tuned?

# %%
stage.show("choice", choice(comparison.leaderboard), report=True)

# %% [markdown]
# What each one costs. Seconds belong to the machine, so nothing is decided by them.

# %%
stage.show("timing", timing_table(comparison.timing), measured=True)

# %%
stage.save(leaderboard=comparison.leaderboard, oof=comparison.oof)

# %% [markdown]
# ## Limits of what was shown
# - A pipeline that was trained elsewhere follows other conventions: what it finds may be right, and not what the labels call so.
# - Intervals speak of the texts that judged, not of other texts that might have taught.
