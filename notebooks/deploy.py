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
# # Deploy
# How does it serve?

# %% tags=["parameters"]
upstream = {"ingest": ["schema"], "evaluate": ["model", "served"]}
product = None
request = "churn"

# %%
from glassbox.data.schema import Schema
from glassbox.runtime.stage import Stage
from glassbox.serving.build import build_package, excerpt
from glassbox.serving.package import read_package
from glassbox.serving.smoke_test import contract_table, package_facts, rehearse, served_facts, worth_asking

# %%
stage = Stage.open("deploy", request, upstream, product)
schema = Schema.model_validate(stage.load("schema"))
evaluated, model = stage.load("model", "served")

# %% [markdown]
# ## What is served
# The model that was evaluated, or, where a model has to know the latest rows to be of use, the same recipe brought up to date.

# %%
stage.show("served", served_facts(evaluated, model), report=True)

# %% [markdown]
# ## The package
# The model is copied byte for byte. Beside it stand the schema, the code that serves it, the libraries
# that this code imports and no others, and a recipe for a container. A manifest holds the hash of every file; when one
# differs, nothing is loaded.

# %%
lock = stage.root / "requirements.lock"
package = read_package(build_package(stage.folder("package"), model, schema, excerpt(stage.request), lock))
stage.show("package", package_facts(package), report=True)

# %% [markdown]
# ## What a caller sends
# The schema of the training data stands at the door. Every field that the model looks at is sent by name; those that were
# left out of it need not be. Values beyond the range that was trained
# on, and categories that were not there, are answered with a warning rather than refused.

# %%
stage.show("contract", contract_table(package.schema))

# %% [markdown]
# ## A rehearsal
# The packaged service is started as a process of its own, on this machine alone, and asked over HTTP. The rows are made
# from the schema; none is taken from the data.

# %%
parity_rows, timed_requests = worth_asking(package.schema)

# %%
rehearsal = rehearse(package, model, parity_rows=parity_rows, requests=timed_requests)

# %% [markdown]
# Does the service say what the model says? Its answers are held against the predictions of the evaluated model, loaded from
# where `evaluate` left it.

# %%
stage.show("parity", rehearsal.parity)

# %% [markdown]
# What happens when a request does not fit? Read the status first: from 400 on there is no prediction, and the answer
# says why.

# %%
stage.show("refusals", rehearsal.refusals)

# %% [markdown]
# How long does a caller wait for one prediction? Each request is sent when the last answer has arrived, so this is the time
# without a queue. The interval is of the quantile itself, from order statistics. The numbers belong to the machine
# that this ran on.

# %%
stage.show("latency", rehearsal.latency, report=True, measured=True)

# %%
stage.save(package=package.folder)

# %% [markdown]
# ## Limits of what was shown
# - Latency was measured from the same machine, one request at a time: a network and other callers come on top.
# - The container's recipe is written, not built: that needs a container engine.
# - The service guards what it reads, not who asks: access, encryption and rate limits belong to what stands before it.
# - Rows made from the schema go through every range, but not through every combination that customers bring.
