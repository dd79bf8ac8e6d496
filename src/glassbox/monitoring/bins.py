"""Binning of columns, to compare distributions by their bin counts alone."""

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd
from pydantic import BaseModel, ConfigDict

MAX_BINS = 10
MAX_CATEGORIES = 20
Scale = Literal["number", "days", "length", "category"]


class Bins(BaseModel):
    """The bins of one column: numbers by inner edges, categories by name; the last bin holds missing values.

    Attributes
    ----------
    scale : str
        ``number`` for numeric values, ``days`` since 1970 for dates, ``length`` in characters for free text, or ``category``.
    edges : list of float
        Inner edges, ascending: bin `i` holds ``edges[i-1] < value <= edges[i]``; the outer bins are unbounded.
    categories : list of str
        Categories with a bin each; one more bin holds all other categories.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    scale: Scale
    edges: list[float] = []
    categories: list[str] = []

    @property
    def size(self) -> int:
        """The number of bins, including the bin of missing values."""
        return (len(self.categories) + 2) if self.scale == "category" else (len(self.edges) + 2)

    @property
    def labels(self) -> list[str]:
        """A readable label for each bin."""
        if self.scale == "category":
            return [*self.categories, "other", "missing"]
        if not self.edges:
            return ["any", "missing"]
        inner = [f"{low:g} to {high:g}" for low, high in zip(self.edges, self.edges[1:], strict=False)]
        return [f"up to {self.edges[0]:g}", *inner, f"over {self.edges[-1]:g}", "missing"]


def numeric_values(column: pd.Series, scale: Scale) -> npt.NDArray[np.float64]:
    """Convert a column to numbers on its scale. Missing values become NaN; infinite values are kept and fall into the outer bins."""
    if scale == "days":
        days = pd.to_datetime(column).to_numpy(dtype="datetime64[us]").astype("float64") / 86_400_000_000
        return np.where(column.isna().to_numpy(), np.nan, days)
    if scale == "length":
        return np.array([np.nan if pd.isna(text) else float(len(text)) for text in column])
    return column.to_numpy(dtype="float64", na_value=np.nan)


def make_bins(column: pd.Series, scale: Scale, known: Sequence[str] = ()) -> Bins:
    """Compute the bins of a reference column: deciles of its values, or its categories in descending order of frequency.

    A numeric column with at most `MAX_BINS` distinct values gets one bin per value, and equal deciles are merged. Categories beyond
    the `MAX_CATEGORIES` most frequent share one bin.

    Parameters
    ----------
    column : Series of shape (n,)
        The reference column.
    scale : str
        The scale, as in `Bins`.
    known : sequence of str
        Categories that get a bin even if the column does not contain them.
    """
    if scale == "category":
        counts = column.dropna().astype(str).value_counts()
        names = sorted(set(counts.index) | set(known), key=lambda name: (-int(counts.get(name, 0)), name))
        return Bins(scale=scale, categories=names[:MAX_CATEGORIES])
    values = numeric_values(column, scale)
    finite = np.sort(values[np.isfinite(values)])
    if not len(finite):
        return Bins(scale=scale)
    distinct = np.unique(finite)
    if len(distinct) <= MAX_BINS:
        edges = distinct[:-1]
    else:
        ranks = (np.arange(1, MAX_BINS) * len(finite)) // MAX_BINS
        edges = np.unique(finite[ranks])
        edges = edges[edges < distinct[-1]]
    return Bins(scale=scale, edges=[float(edge) for edge in edges])


def bin_codes(column: pd.Series, bins: Bins) -> npt.NDArray[np.intp]:
    """Return the bin index of each value, from 0; missing values are in the last bin."""
    if bins.scale == "category":
        index = {name: i for i, name in enumerate(bins.categories)}
        missing, other = bins.size - 1, bins.size - 2
        return np.array([missing if pd.isna(v) else index.get(str(v), other) for v in column], dtype=np.intp)
    values = numeric_values(column, bins.scale)
    codes = np.searchsorted(np.array(bins.edges), values, side="left")
    return np.where(np.isnan(values), bins.size - 1, codes).astype(np.intp)


def bin_counts(column: pd.Series, bins: Bins) -> npt.NDArray[np.int64]:
    """Return the number of values in each bin.

    >>> bin_counts(pd.Series([1.0, 2.0, 9.0, None]), Bins(scale="number", edges=[2.0]))
    array([2, 1, 1])
    """
    return np.bincount(bin_codes(column, bins), minlength=bins.size)
