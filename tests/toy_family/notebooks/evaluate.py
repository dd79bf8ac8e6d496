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

# %% tags=["parameters"]
upstream = {"ingest": ["train", "holdout", "schema"], "tune": ["best"]}
product = None
request = "houses"

# %%
import numpy as np

from glassbox.data.schema import Schema
from glassbox.families.protocol import family_of
from glassbox.families.shared.holdout_ledger import holdout_reads
from glassbox.families.toy.family import interval_of_mean
from glassbox.families.toy.predictor import Line, ToyPredictor, features_of
from glassbox.findings.model import Estimates
from glassbox.runtime.stage import Stage

# %%
stage = Stage.open("evaluate", request, upstream, product)
train, best = stage.load("train", "best")
schema = Schema.model_validate(stage.load("schema"))
columns = best["recipe"]["columns"]
rows = train.sort_values("row_id")
line = Line.fit(best["kind"], best["params"], features_of(rows, columns), rows[schema.target].to_numpy(dtype=np.float64))
predictor = ToyPredictor(schema, columns, line)
model = stage.folder("model")
predictor.save(model)

# %%
holdout = stage.load("holdout")
stage.show("holdout_reads", holdout_reads(stage.holdout_reads), measured=True)
predictions = predictor.predict(holdout).assign(row_id=holdout["row_id"], y_true=holdout[schema.target])
errors = (predictions["y_true"] - predictions["y_pred"]).abs().to_numpy()
resamples = family_of(stage.request).effort(stage.request.cost).resamples
metrics = {"mae": interval_of_mean(errors, resamples, stage.request.seed)}
stage.show("metrics", Estimates(title="Holdout metrics", values=metrics), report=True)

# %%
stage.save(model=model, served=model, predictions=predictions, metrics=metrics)
