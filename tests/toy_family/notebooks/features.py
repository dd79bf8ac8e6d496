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
# # Features

# %% tags=["parameters"]
upstream = {"ingest": ["train", "schema"]}
product = None
request = "houses"

# %%
from glassbox.data.schema import Schema
from glassbox.families.shared.folds import group_folds
from glassbox.findings.model import Facts
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("features", request, upstream, product)
train = stage.load("train")
schema = Schema.model_validate(stage.load("schema"))
columns = [column.name for column in schema.features if column.kind == "number"]
row_ids = train["row_id"].tolist()
folds = group_folds(row_ids, row_ids, stage.request.folds, seed=stage.request.seed)
stage.show("recipe", Facts(title="Feature recipe", facts={"columns": ", ".join(columns)}), report=True)

# %%
stage.save(recipe={"columns": columns}, folds=folds, leaks=[])
