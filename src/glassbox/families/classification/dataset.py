"""The dataset of a classifier: rows in canonical order, class numbers and folds."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from glassbox.data.value_parsing import matching_label
from glassbox.errors import DataError
from glassbox.families.shared.cross_fit import align_folds
from glassbox.files import hash_value

Codes = npt.NDArray[np.int64]


@dataclass(frozen=True)
class LabelledRows:
    """Rows in canonical order with their class numbers, class names and folds.

    Created by `labelled_rows`; `positive` is the number of the positive class (with several classes, of the last one).
    """

    frame: pd.DataFrame
    y: Codes
    classes: list[str]
    positive: int
    fold: Codes
    row_ids: list[str]
    digests: dict[str, str]  # of each column, and of "" for all the rest

    @property
    def binary(self) -> bool:
        return len(self.classes) == 2

    @property
    def truth(self) -> list[str]:
        """The class name of each row."""
        return [self.classes[code] for code in self.y]

    @property
    def folds(self) -> range:
        return range(int(self.fold.max()) + 1)


class ClassificationDataset:
    """Base class of classification datasets: `data` holds the labels and folds.

    Attributes
    ----------
    data
        Row ids, labels and folds in canonical order.
    """

    data: LabelledRows

    @property
    def folds(self) -> range:
        """The numbers of the folds."""
        return self.data.folds


def codes_of(target: pd.Series, classes: Sequence[str]) -> Codes:
    """Return the class numbers of a target.

    Raises
    ------
    DataError
        When a value is missing or none of the classes.
    """
    code_of = {str(name): i for i, name in enumerate(classes)}
    codes = target.map(lambda value: code_of.get(value, -1) if isinstance(value, str) else -1).to_numpy(dtype=np.int64)
    if (codes < 0).any():
        unknown = sorted({repr(value) for value in target[codes < 0].tolist()})[:5]
        raise DataError(
            f"The target {target.name!r} holds {', '.join(unknown)}; expected one of {', '.join(map(repr, classes))}."
        )
    return codes


def positive_class(classes: Sequence[str], target: pd.Series, named: str | None = None) -> str:
    """Return the positive class: as named, else the rarer of two (the later by name if equally rare), else the last.

    Raises
    ------
    DataError
        When the request names a positive class that the target does not have.
    """
    if named is not None:
        label = matching_label(named, classes)
        if label is None:
            raise DataError(f"data.positive is {named!r}; the target's classes are {', '.join(map(repr, classes))}.")
        return label
    if len(classes) != 2:
        return classes[-1]
    first, second = (int((target == name).sum()) for name in classes)
    return classes[0] if first < second else classes[1]


def labelled_rows(
    frame: pd.DataFrame, target: str, classes: Sequence[str], folds: pd.DataFrame | None = None, *, positive: str | None = None
) -> LabelledRows:
    """Return the rows of a snapshot with labels and folds, sorted by ``row_id``.

    Parameters
    ----------
    frame
        A snapshot: ``row_id``, features and target.
    folds
        ``row_id`` and ``fold``; by default, all rows are in one fold.
    positive
        The positive class; by default, as `positive_class` chooses it.
    """
    rows = frame.sort_values("row_id", kind="stable").reset_index(drop=True)
    row_ids = rows["row_id"].astype(str).tolist()
    fold = align_folds(row_ids, folds)
    y = codes_of(rows[target], classes)
    positive_code = list(classes).index(positive_class(classes, rows[target], positive))
    features = rows.drop(columns=["row_id", target])
    head = [row_ids, y.tolist(), list(classes), positive_code, fold.tolist()]
    digests = {"": hash_value(head), **{str(name): _digest(features[name]) for name in features.columns}}
    return LabelledRows(features, y, list(classes), positive_code, fold, row_ids, digests)


def _digest(column: pd.Series) -> str:
    """Return the SHA-256 of a column's type and values."""
    digest = hashlib.sha256(str(column.dtype).encode())
    if column.dtype == object:  # length before text, so that no two columns run together to the same bytes
        texts = ["-" if value is None else f"{len(str(value))}:{value}" for value in column.tolist()]
        digest.update("".join(texts).encode("utf-8", "surrogatepass"))
    else:
        digest.update(np.ascontiguousarray(column.to_numpy()).tobytes())
    return digest.hexdigest()
