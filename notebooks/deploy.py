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
# # Deployment
# Does the packaged model serve correct predictions, and how fast?

# %% tags=["parameters"]
upstream = {"ingest": ["schema"], "evaluate": ["model", "served"]}
product = None
request = "churn"

# %%
from glassbox.data.schema import Schema
from glassbox.runtime.stage import Stage
from glassbox.serving.build import build_package, excerpt
from glassbox.serving.package import read_package
from glassbox.serving.smoke_test import contract_table, package_facts, run_smoke_test, served_facts, smoke_test_sizes

# %%
stage = Stage.open("deploy", request, upstream, product)
schema = Schema.model_validate(stage.load("schema"))
evaluated, model = stage.load("model", "served")

# %% [markdown]
# ## Served model
# The served model is the evaluated model or, if predictions depend on the latest rows, a refit of it on all data.

# %%
stage.show("served", served_facts(evaluated, model), report=True)

# %% [markdown]
# ## Model package
# The package contains a byte-for-byte copy of the model, its schema, the serving code, the pinned libraries that this code imports,
# and a Dockerfile. A manifest contains the hash of every file; the service does not load a package in which a file has changed.

# %%
lock = stage.root / "requirements.lock"
package = read_package(build_package(stage.folder("package"), model, schema, excerpt(stage.request), lock))
stage.show("package", package_facts(package), report=True)

# %% [markdown]
# ## Request schema
# Requests are validated against the schema of the training data. A request must contain every field that the model uses; other
# columns are optional. Rows with unseen categories or with values outside the training range are predicted, with a warning.

# %%
stage.show("contract", contract_table(package.schema))

# %% [markdown]
# ## Smoke test
# The packaged service runs as a separate process on the loopback interface and receives requests over HTTP. The rows are generated
# from the schema, so they contain no data.

# %%
parity_rows, timed_requests = smoke_test_sizes(package.schema, stage.request.cost)

# %%
smoke_test = run_smoke_test(package, model, parity_rows=parity_rows, requests=timed_requests)

# %% [markdown]
# Does the service return the predictions of the model? Its responses are compared with predictions of the model that `evaluate`
# saved.

# %%
stage.show("parity", smoke_test.parity)

# %% [markdown]
# How does the service handle invalid requests? Responses with a client or server error status contain an error message instead of a
# prediction.

# %%
stage.show("rejected_requests", smoke_test.rejections)

# %% [markdown]
# ## Latency
# How long does one prediction take? Requests are sent one at a time, so the latency contains no queueing. The confidence interval of
# the quantile is computed from order statistics. The latency depends on the machine that ran this notebook.

# %%
stage.show("latency", smoke_test.latency, report=True, measured=True)

# %%
stage.save(package=package.folder)

# %% [markdown]
# ## Limits
# - Latency is measured on the same machine with one request at a time; network time and concurrent requests add to it.
# - The image of the Dockerfile is not built, because that needs a container engine.
# - The service validates its input but does not authenticate callers: access control, encryption and rate limits belong to a gateway.
# - The generated rows cover the range of every field, but not all combinations of values that occur in production.
