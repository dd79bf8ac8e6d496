"""Fixtures of the monitoring tests: synthetic customers, predictions and their profile."""

import numpy as np
import pandas as pd
import pytest

from glassbox.data.schema import ColumnSchema, Schema
from glassbox.monitoring.profile import Profile, build_profile

ROWS = 2000


@pytest.fixture(scope="session")
def schema() -> Schema:
    return Schema(
        columns=[
            ColumnSchema(name="tenure", kind="number", low=0, high=72),
            ColumnSchema(name="charges", kind="number", low=0, high=300, missing=0.05),
            ColumnSchema(name="contract", kind="category", categories=["month", "never", "year"]),
            ColumnSchema(name="since", kind="date", low_date="2020-01-01", high_date="2021-05-14"),
            ColumnSchema(name="note", kind="text"),
            ColumnSchema(name="churned", kind="boolean", categories=["No", "Yes"]),
        ],
        target="churned",
        target_kind="classes",
        classes=["No", "Yes"],
    )


@pytest.fixture(scope="session")
def train() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    days = rng.integers(0, 500, ROWS).astype("timedelta64[D]")
    frame = pd.DataFrame(
        {
            "row_id": [f"r{i:05d}" for i in range(ROWS)],
            "tenure": rng.integers(0, 73, ROWS).astype(float),
            "charges": rng.gamma(2, 30, ROWS),
            "contract": rng.choice(["month", "year"], ROWS, p=[0.7, 0.3]),
            "since": (np.datetime64("2020-01-01") + days).astype("datetime64[us]"),
            "note": ["x" * n for n in rng.integers(1, 40, ROWS)],
        }
    )
    frame.loc[rng.random(ROWS) < 0.05, "charges"] = np.nan
    return frame.assign(churned=np.where(rng.random(ROWS) < risk(frame), "Yes", "No"))


def risk(frame: pd.DataFrame) -> pd.Series:
    return 1 / (1 + np.exp(frame["tenure"] / 20 - 1))


@pytest.fixture(scope="session")
def predictions(train: pd.DataFrame) -> pd.DataFrame:
    chance = risk(train)
    return pd.DataFrame({"proba_No": 1 - chance, "proba_Yes": chance})


@pytest.fixture(scope="session")
def profile(train: pd.DataFrame, schema: Schema, predictions: pd.DataFrame) -> Profile:
    return build_profile(train, schema, predictions, "0" * 64)
