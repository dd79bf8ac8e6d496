"""Bins: how a column is cut into a few parts, so that two distributions can be compared without the rows behind them."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict

MOST_BINS = 10
MOST_CATEGORIES = 20
Scale = Literal["number", "days", "length", "category"]


class Bins(BaseModel):
    """How one column is cut. Numbers by inner edges, categories by name; the last bin is for what is missing.

    Attributes
    ----------
    scale : str
        ``number`` as it is, ``days`` since 1970 for dates, ``length`` in characters for free text, or ``category``.
    edges : list of float
        Inner edges, ascending: bin `i` holds ``edges[i-1] < value <= edges[i]``; the outer bins are open.
    categories : list of str
        One bin each, followed by a bin for all others.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    scale: Scale
    edges: list[float] = []
    categories: list[str] = []

    @property
    def size(self) -> int:
        """How many bins there are, the one for missing values included."""
        return (len(self.categories) + 2) if self.scale == "category" else (len(self.edges) + 2)

    @property
    def labels(self) -> list[str]:
        """What each bin holds, in words."""
        if self.scale == "category":
            return [*self.categories, "other", "missing"]
        if not self.edges:
            return ["any", "missing"]
        inner = [f"{low:g} to {high:g}" for low, high in zip(self.edges, self.edges[1:], strict=False)]
        return [f"up to {self.edges[0]:g}", *inner, f"over {self.edges[-1]:g}", "missing"]


def measured_values(column: pd.Series, scale: Scale) -> npt.NDArray[np.float64]:
    """A column as numbers on its scale: NaN where missing. Infinite values stay: they belong to the outer bins."""
    if scale == "days":
        days = pd.to_datetime(column).to_numpy(dtype="datetime64[us]").astype("float64") / 86_400_000_000
        return np.where(column.isna().to_numpy(), np.nan, days)
    if scale == "length":
        return np.array([np.nan if pd.isna(text) else float(len(text)) for text in column])
    return column.to_numpy(dtype="float64", na_value=np.nan)


def bins_of(column: pd.Series, scale: Scale, known: Sequence[str] = ()) -> Bins:
    """The bins of a reference column: tenths of its values, or its categories, the most frequent first.

    A number that takes few values gets a bin for each; equal tenths fall together. Categories beyond the
    `MOST_CATEGORIES` most frequent share a bin.

    Parameters
    ----------
    column : Series of shape (n,)
        The reference.
    scale : str
        See `Bins`.
    known : sequence of str
        Categories that get a bin although the column may not hold them.
    """
    if scale == "category":
        counts = column.dropna().astype(str).value_counts()
        names = sorted(set(counts.index) | set(known), key=lambda name: (-int(counts.get(name, 0)), name))
        return Bins(scale=scale, categories=names[:MOST_CATEGORIES])
    values = measured_values(column, scale)
    finite = np.sort(values[np.isfinite(values)])
    if not len(finite):
        return Bins(scale=scale)
    distinct = np.unique(finite)
    if len(distinct) <= MOST_BINS:
        edges = distinct[:-1]
    else:
        ranks = (np.arange(1, MOST_BINS) * len(finite)) // MOST_BINS
        edges = np.unique(finite[ranks])
        edges = edges[edges < distinct[-1]]
    return Bins(scale=scale, edges=[float(edge) for edge in edges])


def codes_of(column: pd.Series, bins: Bins) -> npt.NDArray[np.intp]:
    """The bin of each value, counted from 0; the last one for missing values."""
    if bins.scale == "category":
        place = {name: i for i, name in enumerate(bins.categories)}
        missing, other = bins.size - 1, bins.size - 2
        return np.array([missing if pd.isna(v) else place.get(str(v), other) for v in column], dtype=np.intp)
    values = measured_values(column, bins.scale)
    codes = np.searchsorted(np.array(bins.edges), values, side="left")
    return np.where(np.isnan(values), bins.size - 1, codes).astype(np.intp)


def count(column: pd.Series, bins: Bins) -> npt.NDArray[np.int64]:
    """How many values fall into each bin.

    >>> count(pd.Series([1.0, 2.0, 9.0, None]), Bins(scale="number", edges=[2.0]))
    array([2, 1, 1])
    """
    return np.bincount(codes_of(column, bins), minlength=bins.size)
