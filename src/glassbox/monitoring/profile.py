"""The reference profile: how the training data and the model's predictions were distributed. No row of them is in it."""

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict

from glassbox.data.schema import ColumnSchema, Schema
from glassbox.findings.model import Table
from glassbox.findings.wording import number
from glassbox.monitoring.bins import Bins, Scale, bins_of, codes_of, measured_values
from glassbox.monitoring.summary import summaries

Role = Literal["field", "prediction"]
Score = Callable[[pd.Series, pd.DataFrame], float]  # of the labels and the predictions of a batch


class ColumnProfile(BaseModel):
    """One column of the reference: its bins, how many rows fell into each, and its summary."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    role: Role
    bins: Bins
    counts: list[int]
    summary: dict[str, float] = {}


class Profile(BaseModel):
    """The reference that later data are compared with."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int
    model: str  # SHA-256 of the model whose predictions these are
    columns: list[ColumnProfile]

    def column(self, name: str) -> ColumnProfile:
        """The profile of one column."""
        return next(column for column in self.columns if column.name == name)


def build_profile(train: pd.DataFrame, schema: Schema, predictions: pd.DataFrame, model: str) -> Profile:
    """The profile of the data a model was trained on.

    Parameters
    ----------
    train : DataFrame of shape (n, ...)
        The training data, as conformed to `schema`; the order of the rows does not matter.
    schema : Schema
        Whose features are profiled.
    predictions : DataFrame of shape (n, ...)
        Predictions for the same rows by models that had not seen them. Those a model makes for its own training rows
        are surer of themselves than any it makes later, and would look like drift from the first day on.
    model : str
        Hash of the model that is served.
    """
    scores = prediction_columns(predictions)
    scales = {field.name: scale_of(field) for field in schema.features}
    numbers = {name: train[name] for name, scale in scales.items() if scale == "number"}
    lengths = {name: pd.Series(measured_values(train[name], "length")) for name, s in scales.items() if s == "length"}
    others = [name for name, scale in scales.items() if scale in ("category", "days")]
    # Under keys of our own, so that a field named like a score cannot be mistaken for it.
    parts = {("field", name): column for name, column in (numbers | lengths).items()}
    parts |= {("prediction", name): scores[name] for name in scores}
    told = summaries(
        pd.DataFrame(
            {f"{role}:{name}": _sorted(column) for (role, name), column in parts.items()}
            | {f"field:{name}": train[name].reset_index(drop=True) for name in others}
        ),
        [f"{role}:{name}" for role, name in parts],
        [f"field:{name}" for name in others],
    )
    columns = [
        _profiled(train[f.name], f.name, "field", scales[f.name], f.categories or [], told[f"field:{f.name}"])
        for f in schema.features
    ]
    columns += [_profiled(scores[n], n, "prediction", "number", [], told[f"prediction:{n}"]) for n in scores]
    return Profile(rows=len(train), model=model, columns=columns)


def _sorted(column: pd.Series) -> npt.NDArray[np.float64]:
    # A sum depends on its order in the last digits; the profile must not depend on the order of the rows.
    return np.sort(column.to_numpy(dtype="float64", na_value=np.nan))


def _profiled(
    column: pd.Series, name: str, role: Role, scale: Scale, known: list[str], summary: dict[str, float]
) -> ColumnProfile:
    bins = bins_of(column, scale, known)
    counts = np.bincount(codes_of(column, bins), minlength=bins.size)
    return ColumnProfile(name=name, role=role, bins=bins, counts=counts.tolist(), summary=dict(sorted(summary.items())))


def scale_of(field: ColumnSchema) -> Scale:
    """How the values of a field are compared."""
    if field.kind == "number":
        return "number"
    if field.kind == "date":
        return "days"
    return "length" if field.kind == "text" and not field.categories else "category"


def prediction_columns(predictions: pd.DataFrame) -> dict[str, pd.Series]:
    """The numbers among predictions. Of two classes' probabilities only the rarer one's: the other says the same."""
    numbers = predictions.drop(columns=["row_id", "fold"], errors="ignore").select_dtypes("number")
    columns = {str(name): numbers[name] for name in numbers.columns}
    chances = [name for name in columns if name.startswith("proba_")]
    if len(chances) == 2:
        del columns[max(chances, key=lambda name: (float(columns[name].mean()), name))]
    return columns


def profile_table(profile: Profile, unit: str = "rows") -> Table:
    """The profile for people: a row a column, numbers by mean and quantiles, categories by the most frequent."""
    rows = []
    for column in profile.columns:
        summary = column.summary
        share = column.counts[0] / profile.rows if profile.rows else 0.0
        frequent = f"{column.bins.categories[0]} ({number(share, '.0%')})" if column.bins.categories else ""
        rows.append(
            {
                "column": column.name,
                "compared as": column.bins.scale if column.role == "field" else "prediction",
                "missing": column.counts[-1] / profile.rows if profile.rows else None,
                "mean": summary.get("mean"),
                "std": summary.get("std"),
                "5 %": summary.get("p05"),
                "median": summary.get("median"),
                "95 %": summary.get("p95"),
                "most frequent": frequent,
            }
        )
    fields = sum(column.role == "field" for column in profile.columns)
    return Table.of(
        pd.DataFrame(rows),
        "What the model was trained on",
        say=f"{fields} fields of {profile.rows:,} {unit}, and what the model predicted for them, are the reference.",
        formats={"missing": ".1%"},
    )
