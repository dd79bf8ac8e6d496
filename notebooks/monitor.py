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
# # Monitoring
# How are drift and a loss of performance detected in production?

# %% tags=["parameters"]
upstream = {"ingest": ["train"], "tune": ["tuned_oof"], "evaluate": ["model"]}
product = None
request = "churn"

# %%
from glassbox.families.protocol import monitored
from glassbox.files import hash_tree
from glassbox.monitoring.alarm_check import inject_drift, null_batches
from glassbox.monitoring.profile import build_profile, profile_table
from glassbox.monitoring.trigger import compute_thresholds, performance_limit, thresholds_table, trigger_facts
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("monitor", request, upstream, product)
train, tuned_oof, model = stage.load("train", "tuned_oof", "model")
reference, metric = monitored(model, train, tuned_oof, stage.request, stage.resources)
rows, predictions, truth = reference.rows, reference.predictions, reference.truth

# %% [markdown]
# ## Reference profile
# New data is compared with the binned distributions of the fields and predictions on train. The reference predictions are out-of-fold
# predictions, because a model is more confident on its training rows than on new rows; they are calibrated like the served ones. The
# profile contains no rows of the data.

# %%
profile = build_profile(rows, reference.schema, predictions, hash_tree(model))
stage.show("profile", profile_table(profile, reference.unit))

# %% [markdown]
# ## Drift thresholds
# Two samples from the same distribution differ by chance. These differences are simulated for a batch of the given size, with a
# correction for the number of columns, so that the false alarm rate holds for all columns together. Small shifts raise no alert, even
# if they are significant. You can change these values.

# %%
batch_rows = reference.batch
false_alarms = 0.01
drifted_share = 0.3

# %% [markdown]
# Labels usually arrive with a delay. The performance limit is chosen so that batches without drift violate it only at the allowed
# false alarm rate.

# %%
performance = performance_limit(
    truth,
    predictions,
    metric.score,
    metric=metric.name,
    higher_is_better=metric.higher_is_better,
    batch_rows=batch_rows,
    false_alarms=false_alarms,
    seed=stage.request.seed,
)

# %%
thresholds = compute_thresholds(
    profile, batch_rows=batch_rows, false_alarms=false_alarms, drifted_share=drifted_share, performance=performance
)
stage.show("thresholds", thresholds_table(thresholds, profile, reference.unit), report=True)

# %% [markdown]
# ## Retraining trigger
# A single drifted field requires a review: a data source may be broken, and retraining on broken data does not help. Drifted
# predictions, many drifted fields, or a score beyond the performance limit trigger retraining.

# %%
stage.show("trigger", trigger_facts(thresholds, reference.unit), report=True)

# %% [markdown]
# ## Alert validation
# Do batches without drift raise alerts? Both the batches and their reference are drawn from the training data. The share of batches
# with an alert should not exceed the allowed false alarm rate.

# %%
stage.show("false_alarms", null_batches(profile, rows, predictions, thresholds, seed=stage.request.seed))

# %% [markdown]
# Is drift detected? Each row of the table is one batch with an injected change, evaluated with the same thresholds.

# %%
injected = inject_drift(profile, rows, predictions, thresholds, truth=truth, score=metric.score, seed=stage.request.seed)
stage.show("injected_drift", injected)

# %%
stage.save(profile=profile, thresholds=thresholds)

# %% [markdown]
# ## Limits
# - Drift of a field shows that the data has changed, not that the model performs worse; only labels show that.
# - Fields are monitored one at a time. A change in the dependence between fields is not detected if each distribution is unchanged.
# - The false alarm rate applies to each batch. Over many batches, a false alarm will occur eventually.
# - Text columns of a table are monitored by their length only.
