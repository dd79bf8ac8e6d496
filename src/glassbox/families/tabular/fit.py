"""One fit: recipe and model on some rows, asked on others. What candidates and trials are remembered by."""

import hashlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer

from glassbox.errors import DataError
from glassbox.families.fitting import Forgetful, Remembers, limited
from glassbox.families.tabular.models import Codes, Fitting, Floats, Model, kind_of
from glassbox.families.tabular.recipe import Recipe, build
from glassbox.files import hash_value

CODE = "glassbox.families.tabular.fit"  # what results are remembered by: this module and all that it imports


@dataclass(frozen=True)
class Problem:
    """What is to be learnt, in canonical row order: rows, target by number, classes by name, and folds.

    Made by `problem_of`; `positive` is the number of the class that is looked for (the last of several).
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
        """The classes by name, a row each."""
        return [self.classes[code] for code in self.y]

    @property
    def folds(self) -> range:
        return range(int(self.fold.max()) + 1)


def codes_of(target: pd.Series, classes: Sequence[str]) -> Codes:
    """Classes by number.

    Raises
    ------
    DataError
        When a value is missing or none of the classes.
    """
    place = {str(name): i for i, name in enumerate(classes)}
    codes = target.map(lambda value: place.get(value, -1) if isinstance(value, str) else -1).to_numpy(dtype=np.int64)
    if (codes < 0).any():
        found = sorted({repr(value) for value in target[codes < 0].tolist()})[:5]
        raise DataError(f"The target {target.name!r} holds {', '.join(found)}; expected one of {', '.join(map(repr, classes))}.")
    return codes


def positive_class(classes: Sequence[str], target: pd.Series, named: str | None = None) -> str:
    """The class that is looked for: as named, else the rarer of two (equally rare: the later by name), else the last.

    Raises
    ------
    DataError
        When a class is named that the target does not have.
    """
    if named is not None:
        if named not in classes:
            raise DataError(f"data.positive is {named!r}; the target's classes are {', '.join(map(repr, classes))}.")
        return named
    if len(classes) != 2:
        return classes[-1]
    first, second = (int((target == name).sum()) for name in classes)
    return classes[0] if first < second else classes[1]


def problem_of(
    frame: pd.DataFrame, target: str, classes: Sequence[str], folds: pd.DataFrame | None = None, *, positive: str | None = None
) -> Problem:
    """The rows of a snapshot as a problem, sorted by ``row_id`` whatever order they come in.

    Parameters
    ----------
    frame
        A snapshot: ``row_id``, features and target.
    folds
        ``row_id`` and ``fold``; left out, there is one fold of all rows.
    positive
        The class that is looked for; left out, as `positive_class` says.
    """
    rows = frame.sort_values("row_id", kind="stable").reset_index(drop=True)
    row_ids = rows["row_id"].astype(str).tolist()
    fold = np.zeros(len(rows), dtype=np.int64)
    if folds is not None:
        fold = folds.set_index("row_id")["fold"].reindex(rows["row_id"]).to_numpy(dtype=np.float64)
        if np.isnan(fold).any():
            raise DataError(f"{int(np.isnan(fold).sum())} rows of train have no fold; folds and train are of different runs.")
        fold = fold.astype(np.int64)
    y = codes_of(rows[target], classes)
    looked_for = list(classes).index(positive_class(classes, rows[target], positive))
    features = rows.drop(columns=["row_id", target])
    head = [row_ids, y.tolist(), list(classes), looked_for, fold.tolist()]
    digests = {"": hash_value(head), **{str(name): _digest(features[name]) for name in features.columns}}
    return Problem(features, y, list(classes), looked_for, fold, row_ids, digests)


def _digest(column: pd.Series) -> str:
    """SHA-256 of a column's type and values."""
    digest = hashlib.sha256(str(column.dtype).encode())
    if column.dtype == object:  # length before text, so that no two columns run together to the same bytes
        texts = ["-" if value is None else f"{len(str(value))}:{value}" for value in column.tolist()]
        digest.update("".join(texts).encode("utf-8", "surrogatepass"))
    else:
        digest.update(np.ascontiguousarray(column.to_numpy()).tobytes())
    return digest.hexdigest()


@dataclass(frozen=True)
class Fitted:
    """A recipe and a model, fitted together."""

    transformer: ColumnTransformer
    model: Model
    kind: str

    def matrix(self, frame: pd.DataFrame) -> Floats:
        """What the model sees of `frame`."""
        return np.ascontiguousarray(self.transformer.transform(frame), dtype=np.float64)

    def proba(self, frame: pd.DataFrame) -> Floats:
        """Probabilities of shape (rows, classes), not calibrated."""
        return self.model.proba(self.matrix(frame))


def fit(
    kind: str,
    params: Mapping[str, Any],
    recipe: Recipe,
    frame: pd.DataFrame,
    y: Codes,
    classes: int,
    *,
    seed: int,
    threads: int = 1,
) -> Fitted:
    """Fit a recipe and a model of `kind` on all rows of `frame`, classes by number in `y`."""
    how = kind_of(kind)
    transformer = build(recipe, linear=how.linear, seed=seed)
    columns = frame[list(recipe.columns)]
    matrix = np.ascontiguousarray(transformer.fit_transform(columns, y), dtype=np.float64)
    model = how.fit(matrix, y, Fitting(dict(params), classes, seed, threads))
    return Fitted(transformer, model, kind)


def fit_fold(
    problem: Problem,
    fold: int,
    kind: str,
    params: Mapping[str, Any],
    recipe: Recipe,
    *,
    seed: int,
    threads: int = 1,
    memo: Remembers | None = None,
) -> dict[str, Any]:
    """Probabilities for the rows of one fold, by a model that saw the others.

    Returns
    -------
    dict
        ``proba`` of shape (rows of the fold, classes), and ``fit_s``, ``predict_s``: the seconds that it took when it
        was computed.
    """
    out = problem.fold == fold
    columns = list(recipe.columns)

    def compute() -> dict[str, Any]:
        started = time.perf_counter()
        fitted = fit(kind, params, recipe, problem.frame[~out], problem.y[~out], len(problem.classes), seed=seed, threads=threads)
        between = time.perf_counter()
        proba = fitted.proba(problem.frame.loc[out, columns])
        return {"proba": proba, "fit_s": between - started, "predict_s": time.perf_counter() - between}

    parts = {
        "what": "fold",
        "data": {name: problem.digests[name] for name in ["", *columns]},
        "fold": fold,
        "kind": kind,
        "params": dict(params),
        "recipe": recipe.model_dump(exclude={"left_out"}),
        "seed": seed,
        "threads": threads,
    }
    return (memo or Forgetful()).remember(parts, compute, code=[CODE])


__all__ = [
    "Fitted",
    "Forgetful",
    "Problem",
    "Remembers",
    "codes_of",
    "fit",
    "fit_fold",
    "limited",
    "positive_class",
    "problem_of",
]
