"""Summaries of columns by Evidently: the only module that imports it, and only for its numbers, never for its page."""

import math
import os
import warnings
from collections.abc import Mapping
from typing import Any

import pandas as pd

_NUMBERS = ("mean", "std", "p05", "median", "p95")


def summaries(frame: pd.DataFrame, numbers: list[str], others: list[str]) -> dict[str, dict[str, float]]:
    """What Evidently says of each column.

    Parameters
    ----------
    frame : DataFrame
        Holds the columns.
    numbers : list of str
        Columns of numbers: share missing, mean, standard deviation, 5 %, 50 % and 95 % points of the values that are
        there. A column with fewer than two finite values has its share of missing values only.
    others : list of str
        All other columns: share missing.

    Returns
    -------
    dict of dict
        Column to name to value, in the order of the columns; finite values only.
    """
    os.environ.setdefault("DO_NOT_TRACK", "1")  # Evidently reports its use otherwise
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of its libraries about each other, at import
        from evidently import DataDefinition, Dataset, Report
        from evidently.metrics import MeanValue, MissingValueCount, QuantileValue, StdValue

    finite = frame[numbers].replace([math.inf, -math.inf], math.nan)
    told = [name for name in numbers if finite[name].count() >= 2]
    metrics: list[Any] = []
    keys: list[tuple[str, str]] = []
    for name in told:
        metrics += [MeanValue(column=name), StdValue(column=name)]
        metrics += [QuantileValue(column=name, quantile=q) for q in (0.05, 0.5, 0.95)]
        keys += [(name, key) for key in _NUMBERS]
    for name in [*told, *others]:
        metrics.append(MissingValueCount(column=name))
        keys.append((name, "missing"))
    # Everything else as text: Evidently guesses types otherwise.
    data = pd.concat([finite[told], frame[others].map(str, na_action="ignore")], axis="columns")
    definition = DataDefinition(numerical_columns=told, categorical_columns=others)
    found = Report(metrics).run(Dataset.from_pandas(data, data_definition=definition), None).dict()["metrics"]
    result: dict[str, dict[str, float]] = {name: {} for name in [*numbers, *others]}
    for (name, key), metric in zip(keys, found, strict=True):
        value = _number(metric["value"])
        if math.isfinite(value):
            result[name][key] = value
    for name in set(numbers) - set(told):
        result[name]["missing"] = float(frame[name].isna().mean())
    return result


def _number(value: float | Mapping[str, float]) -> float:
    return float(value["share"]) if isinstance(value, Mapping) else float(value)
