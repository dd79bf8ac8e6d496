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
# # Monitor
# How will we notice when it goes wrong?

# %% tags=["parameters"]
upstream = {"ingest": ["train"], "tune": ["tuned_oof"], "evaluate": ["model"]}
product = None
request = "churn"

# %%
from glassbox.families.protocol import scorer_of, watched
from glassbox.files import hash_tree
from glassbox.monitoring.alarm_check import inject_drift, null_batches
from glassbox.monitoring.profile import build_profile, profile_table
from glassbox.monitoring.trigger import performance_limit, thresholds_of, thresholds_table, trigger_facts
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("monitor", request, upstream, product)
train, tuned_oof, model = stage.load("train", "tuned_oof", "model")
seen = watched(model, train, tuned_oof, stage.vector_cache_dir)
rows, predictions, truth = seen.rows, seen.predictions, seen.truth

# %% [markdown]
# ## The reference
# What later data are compared with: each field cut into a few bins, and the model's predictions likewise. The predictions
# are those made out of fold, calibrated as the served ones are: a model is surer of rows it was trained on than of any
# that it meets later. No row of the data is in the profile.

# %%
profile = build_profile(rows, seen.schema, predictions, hash_tree(model))
stage.show("profile", profile_table(profile, seen.unit))

# %% [markdown]
# ## When is a difference more than chance?
# Two samples of one and the same thing differ too. How far, by chance, is simulated for a batch of the stated size, and shared
# out over all columns, so that the alarm as a whole keeps its promise. A shift below the usual mark for a small one raises
# no alarm, however many rows prove it. These values can be changed.

# %%
batch_rows = seen.batch
false_alarms = 0.01
drifted_share = 0.3

# %% [markdown]
# Labels arrive late, but they arrive. The limit below is what a batch of this size falls short of by chance alone, in no
# more than the stated share of batches.

# %%
score = scorer_of(model, truth, stage.request)
performance = performance_limit(
    truth,
    predictions,
    score.of,
    metric=score.metric,
    higher_is_better=score.higher_is_better,
    batch_rows=batch_rows,
    false_alarms=false_alarms,
    seed=stage.request.seed,
)

# %%
thresholds = thresholds_of(
    profile, batch_rows=batch_rows, false_alarms=false_alarms, drifted_share=drifted_share, performance=performance
)
stage.show("thresholds", thresholds_table(thresholds, profile, seen.unit), report=True)

# %% [markdown]
# ## When is the model trained again?
# A drifted field alone asks for a look: perhaps a source has broken, and a model trained again on broken data is no
# better. Drifted predictions, many drifted fields, or a score beyond its limit ask for a new model.

# %%
stage.show("trigger", trigger_facts(thresholds, seen.unit), report=True)

# %% [markdown]
# ## Does the alarm ring, and only when it should?
# First, batches in which nothing has changed: rows of the training data against other rows of it. The share that rings
# should not be above what is allowed.

# %%
stage.show("false_alarms", null_batches(profile, rows, predictions, thresholds, seed=stage.request.seed))

# %% [markdown]
# Then batches in which something was changed on purpose. Each row below is one batch, judged by the same rule.

# %%
planted = inject_drift(profile, rows, predictions, thresholds, truth=truth, score=score.of, seed=stage.request.seed)
stage.show("planted", planted)

# %%
stage.save(profile=profile, thresholds=thresholds)

# %% [markdown]
# ## Limits of what was shown
# - Drift in the fields says that the data have changed, not that the model has become worse; only labels say that.
# - Fields are judged one at a time. A change in how two of them go together, each alone as before, is not seen here.
# - The false-alarm share holds for each batch. Judged every day, an alarm by chance will come in time.
# - Text is compared by its length alone.
