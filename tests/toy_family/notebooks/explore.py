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
# # Explore

# %% tags=["parameters"]
upstream = {"ingest": ["train", "schema"]}
product = None
request = "houses"

# %%
from glassbox.findings.model import Facts
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("explore", request, upstream, product)
train, schema = stage.load("train", "schema")
target = train[schema["target"]]
stage.show("target", Facts(title="Target", facts={"mean": float(target.mean()), "rows": len(target)}), report=True)

# %%
stage.save()
