"""The reference profile: distributions of the training data and of the predictions, without any of their rows."""

from collections.abc import Callable
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict

from glassbox.data.schema import ColumnSchema, Schema
from glassbox.findings.model import Table
from glassbox.findings.wording import number
from glassbox.monitoring.bins import Bins, Scale, bin_counts, make_bins, numeric_values
from glassbox.monitoring.summary import summaries

Role = Literal["field", "prediction"]
Score = Callable[[pd.Series, pd.DataFrame], float]  # of the labels and the predictions of a batch


class ColumnProfile(BaseModel):
    """One column of the reference: its bins, the number of rows per bin, and its summary statistics."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    role: Role
    bins: Bins
    counts: list[int]
    summary: dict[str, float] = {}


class Profile(BaseModel):
    """The reference with which new data are compared."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    rows: int
    model: str  # SHA-256 of the model that made the predictions
    columns: list[ColumnProfile]

    def column(self, name: str) -> ColumnProfile:
        """Return the profile of one column."""
        return next(column for column in self.columns if column.name == name)


def build_profile(train: pd.DataFrame, schema: Schema, predictions: pd.DataFrame, model: str) -> Profile:
    """Build the reference profile from the training data and out-of-fold predictions.

    Parameters
    ----------
    train : DataFrame of shape (n, ...)
        The training data, conformed to `schema`; the order of the rows does not matter.
    schema : Schema
        The schema, whose features are profiled.
    predictions : DataFrame of shape (n, ...)
        Out-of-fold predictions for the same rows. A model's predictions for its own training rows are more confident than its
        predictions for new rows, which would then appear to drift from the first day.
    model : str
        The hash of the served model.
    """
    scores = prediction_columns(predictions)
    scales = {field.name: column_scale(field) for field in schema.features}
    numbers = {name: train[name] for name, scale in scales.items() if scale == "number"}
    lengths = {name: pd.Series(numeric_values(train[name], "length")) for name, s in scales.items() if s == "length"}
    others = [name for name, scale in scales.items() if scale in ("category", "days")]
    # Prefixed with the role, so that a field and a prediction column may have the same name.
    parts = {("field", name): column for name, column in (numbers | lengths).items()}
    parts |= {("prediction", name): scores[name] for name in scores}
    statistics = summaries(
        pd.DataFrame(
            {f"{role}:{name}": _sorted(column) for (role, name), column in parts.items()}
            | {f"field:{name}": train[name].reset_index(drop=True) for name in others}
        ),
        [f"{role}:{name}" for role, name in parts],
        [f"field:{name}" for name in others],
    )
    columns = [
        _profile_column(train[f.name], f.name, "field", scales[f.name], f.categories or [], statistics[f"field:{f.name}"])
        for f in schema.features
    ]
    columns += [_profile_column(scores[n], n, "prediction", "number", [], statistics[f"prediction:{n}"]) for n in scores]
    return Profile(rows=len(train), model=model, columns=columns)


def _sorted(column: pd.Series) -> npt.NDArray[np.float64]:
    # The last digits of a sum depend on its order, but the profile must not depend on the order of the rows.
    return np.sort(column.to_numpy(dtype="float64", na_value=np.nan))


def _profile_column(
    column: pd.Series, name: str, role: Role, scale: Scale, known: list[str], summary: dict[str, float]
) -> ColumnProfile:
    bins = make_bins(column, scale, known)
    counts = bin_counts(column, bins)
    return ColumnProfile(name=name, role=role, bins=bins, counts=counts.tolist(), summary=dict(sorted(summary.items())))


def column_scale(field: ColumnSchema) -> Scale:
    """Return the scale on which the values of a field are binned."""
    if field.kind == "number":
        return "number"
    if field.kind == "date":
        return "days"
    return "length" if field.kind == "text" and not field.categories else "category"


def prediction_columns(predictions: pd.DataFrame) -> dict[str, pd.Series]:
    """Return the numeric prediction columns; of two class probabilities only the rarer class, because the other is redundant."""
    numbers = predictions.drop(columns=["row_id", "fold"], errors="ignore").select_dtypes("number")
    columns = {str(name): numbers[name] for name in numbers.columns}
    probabilities = [name for name in columns if name.startswith("proba_")]
    if len(probabilities) == 2:
        del columns[max(probabilities, key=lambda name: (float(columns[name].mean()), name))]
    return columns


def profile_table(profile: Profile, unit: str = "rows") -> Table:
    """Return the profile as a table: one row per column, with mean and quantiles or the most frequent category."""
    rows = []
    for column in profile.columns:
        summary = column.summary
        share = column.counts[0] / profile.rows if profile.rows else 0.0
        frequent = f"{column.bins.categories[0]} ({number(share, '.0%')})" if column.bins.categories else ""
        rows.append(
            {
                "column": column.name,
                "scale": column.bins.scale if column.role == "field" else "prediction",
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
        "Reference profile",
        say=f"The reference holds {fields} fields and the out-of-fold predictions of {profile.rows:,} {unit}.",
        formats={"missing": ".1%"},
    )
