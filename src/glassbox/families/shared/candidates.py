"""A candidate: a kind of model with its hyperparameters, as plain values under a name."""

from collections.abc import Sequence
from typing import Any

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from glassbox.findings.model import Table


class Candidate(BaseModel):
    """A kind of model with its hyperparameters, under a name of its own."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    kind: str
    params: dict[str, Any] = {}


def candidate_table(tried: Sequence[Candidate]) -> Table:
    """The candidates with their hyperparameters."""
    rows = [
        {"candidate": c.name, "kind": c.kind, "hyperparameters": ", ".join(f"{k}={v}" for k, v in c.params.items()) or "–"}
        for c in tried
    ]
    return Table.of(pd.DataFrame(rows), "What is tried", say=f"{len(tried)} candidates on the same folds.")
