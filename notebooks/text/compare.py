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
# Which family of models deserves to be tuned?

# %% tags=["parameters"]
upstream = {"ingest": ["train", "schema"], "features": ["recipe", "folds"]}
product = None
request = "reviews"

# %%
from glassbox.data.schema import Schema
from glassbox.families.classification import metrics
from glassbox.families.classification.ensemble import compare_together
from glassbox.families.shared import selection_plots
from glassbox.families.shared.candidates import candidate_table
from glassbox.families.shared.leaderboard import choice, leaderboard_frame, leaderboard_table, timing_table
from glassbox.families.text.candidates import candidates
from glassbox.families.text.dataset import texts_of
from glassbox.families.text.fit import fitter
from glassbox.families.text.models import KINDS
from glassbox.families.text.recipe import Recipe
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("compare", request, upstream, product)
train, folds = stage.load("train", "folds")
schema = Schema.model_validate(stage.load("schema"))
recipe = Recipe.model_validate(stage.load("recipe"))
asked = stage.request
texts = texts_of(
    train, schema, recipe, folds, asked, stage.root, stage.vector_cache_dir, workers=stage.workers, progress=stage.progress
)

# %% [markdown]
# These are tried, on the same folds. Add one, drop one, and run the cell again: what was fitted before is remembered, and so is every
# embedding, by the content of its text. The weighted ensemble of the best is one more.

# %%
tried = candidates(asked.cost, encoder=asked.weights.encoder is not None)
# tried += [Candidate(name="long runs of words", kind="naive_bayes_linear", params={"ngrams": [1, 4], "min_rows": 4})]
stage.show("candidates", candidate_table(tried))

# %% [markdown]
# The first requirement that judges probabilities or rankings decides; where the request names none, the area under the ROC curve does.

# %%
leading = metrics.leading_metric(asked.requirements)
fit = fitter(texts, seed=asked.seed, threads=stage.threads, memo=stage.cache)
comparison = compare_together(
    tried,
    texts.problem,
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
# The best stands first. The last column says how far each one is behind the leader on the very same texts, and between which bounds.

# %%
stage.show("leaderboard", leaderboard_table(comparison.leaderboard), report=True)

# %% [markdown]
# Dots are means over folds, lines are 95 % intervals over texts; a dashed line is what the request asks for.

# %%
bound = asked.requirements.get(leading)
stage.show(
    "leaderboard_figure",
    selection_plots.leaderboard(leaderboard_frame(comparison.leaderboard), leading, bound.value if bound else None),
    report=True,
)

# %% [markdown]
# ## Which one is tuned?
# The ensemble has nothing to be searched: where it leads, the best single model is tuned, and has to beat it.

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
# - Each candidate is shown with one set of hyperparameters: one that is behind here might be ahead when tuned.
# - Intervals speak of the texts that judged. That other texts would have taught other models is not in them.
# - A sentence encoder was trained on texts from elsewhere; whether some of these were among them cannot be told.
