"""Synthetic tables with a known structure, for the tests of the tabular family."""

import numpy as np
import pandas as pd

from glassbox.data.schema import ColumnSchema, Schema
from glassbox.families.classification.dataset import LabelledRows, labelled_rows
from glassbox.families.classification.folds import make_folds
from glassbox.families.protocol import Effort
from glassbox.families.tabular.dataset import TabularDataset
from glassbox.families.tabular.recipe import Recipe


def customers(n: int = 240, seed: int = 0, classes: int = 2) -> tuple[pd.DataFrame, Schema]:
    """Generate customers whose class depends on `tenure` and `plan`, with noise, columns of all kinds, and missing values."""
    rng = np.random.default_rng(seed)
    tenure = rng.uniform(0, 72, n).round(1)
    plan = rng.choice(["month", "year", "two years"], n)
    pull = -tenure / 24 + 1.2 * (plan == "month") + rng.normal(0, 0.8, n)
    names = ["no", "yes"] if classes == 2 else [f"c{k}" for k in range(classes)]
    label = np.array(names, dtype=object)[np.searchsorted(np.quantile(pull, np.linspace(0, 1, classes + 1)[1:-1]), pull)]
    plan = plan.astype(object)
    plan[rng.random(n) < 0.05] = None
    frame = pd.DataFrame(
        {
            "row_id": [f"r{i:04d}" for i in range(n)],
            "tenure": np.where(rng.random(n) < 0.05, np.nan, tenure),
            "spend": np.exp(rng.normal(3, 2, n)),
            "plan": plan,
            "town": rng.choice([f"t{i}" for i in range(60)], n).astype(object),
            "since": (np.datetime64("2015-01-01") + rng.integers(0, 2000, n).astype("timedelta64[D]")).astype("datetime64[us]"),
            "remark": np.array(["short", "a longer remark", None], dtype=object)[rng.integers(0, 3, n)],
            "label": label,
        }
    )
    frame.loc[:2, "since"] = pd.NaT
    schema = Schema(
        columns=[
            ColumnSchema(name="tenure", kind="number", low=0, high=72, distinct=200),
            ColumnSchema(name="spend", kind="number", distinct=n),
            ColumnSchema(name="plan", kind="category", categories=["month", "two years", "year"], distinct=3),
            ColumnSchema(name="town", kind="category", categories=sorted(f"t{i}" for i in range(60)), distinct=60),
            ColumnSchema(name="since", kind="date", date_format="%Y-%m-%d"),
            ColumnSchema(name="remark", kind="text", distinct=2),
            ColumnSchema(name="label", kind="category", categories=names, distinct=classes),
        ],
        target="label",
        target_kind="classes",
        classes=names,
    )
    return frame, schema


FULL = Recipe(
    columns={"tenure": "number", "spend": "log", "plan": "one-hot", "town": "target mean", "since": "times", "remark": "text"},
    min_frequency=0.01,
)
SMALL = Recipe(columns={"tenure": "number", "plan": "one-hot"})


def labelled(n: int = 240, seed: int = 0, classes: int = 2, k: int = 3) -> LabelledRows:
    """Return the customers as a classification problem with `k` folds."""
    frame, schema = customers(n, seed, classes)
    return labelled_rows(frame, "label", list(schema.classes or []), make_folds(frame["row_id"], frame["label"], k, seed=1))


def dataset(recipe: Recipe = SMALL, data: LabelledRows | None = None) -> TabularDataset:
    """Return the customers as a dataset of the tabular family."""
    return TabularDataset(labelled() if data is None else data, recipe)


def effort(trials: int = 6, resamples: int = 50) -> Effort:
    """Return an effort with few trials and resamples."""
    return Effort("For tests.", trials=trials, resamples=resamples, sizes={"trees": 20})
