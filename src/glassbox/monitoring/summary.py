"""Summary statistics of columns, computed by Evidently; no other module imports Evidently."""

import math
import os
import warnings
from collections.abc import Mapping
from typing import Any

import pandas as pd

_NUMBERS = ("mean", "std", "p05", "median", "p95")


def summaries(frame: pd.DataFrame, numbers: list[str], others: list[str]) -> dict[str, dict[str, float]]:
    """Compute the summary statistics of each column with Evidently.

    Parameters
    ----------
    frame : DataFrame
        The data.
    numbers : list of str
        Numeric columns, summarised by their share of missing values and the mean, standard deviation and 5 %, 50 % and 95 %
        quantiles of their finite values. A column with fewer than two finite values has its share of missing values only.
    others : list of str
        All other columns, summarised by their share of missing values.

    Returns
    -------
    dict of dict
        The statistics by column and name, in the order of the columns; finite values only.
    """
    os.environ.setdefault("DO_NOT_TRACK", "1")  # disables Evidently's telemetry
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # import-time warnings of Evidently's dependencies
        from evidently import DataDefinition, Dataset, Report
        from evidently.metrics import MeanValue, MissingValueCount, QuantileValue, StdValue

    finite = frame[numbers].replace([math.inf, -math.inf], math.nan)
    summarised = [name for name in numbers if finite[name].count() >= 2]
    metrics: list[Any] = []
    keys: list[tuple[str, str]] = []
    for name in summarised:
        metrics += [MeanValue(column=name), StdValue(column=name)]
        metrics += [QuantileValue(column=name, quantile=q) for q in (0.05, 0.5, 0.95)]
        keys += [(name, key) for key in _NUMBERS]
    for name in [*summarised, *others]:
        metrics.append(MissingValueCount(column=name))
        keys.append((name, "missing"))
    # All other columns as text, because Evidently would infer their types.
    data = pd.concat([finite[summarised], frame[others].map(str, na_action="ignore")], axis="columns")
    definition = DataDefinition(numerical_columns=summarised, categorical_columns=others)
    results = Report(metrics).run(Dataset.from_pandas(data, data_definition=definition), None).dict()["metrics"]
    statistics: dict[str, dict[str, float]] = {name: {} for name in [*numbers, *others]}
    for (name, key), metric in zip(keys, results, strict=True):
        value = _number(metric["value"])
        if math.isfinite(value):
            statistics[name][key] = value
    for name in set(numbers) - set(summarised):
        statistics[name]["missing"] = float(frame[name].isna().mean())
    return statistics


def _number(value: float | Mapping[str, float]) -> float:
    return float(value["share"]) if isinstance(value, Mapping) else float(value)
