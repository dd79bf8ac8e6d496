"""Summary statistics of columns."""

import math

import pandas as pd


def summaries(frame: pd.DataFrame, numbers: list[str], others: list[str]) -> dict[str, dict[str, float]]:
    """Compute the summary statistics of each column.

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
    statistics = {name: {"missing": float(frame[name].isna().mean())} for name in [*numbers, *others]}
    for name in numbers:
        values = frame[name].astype("float64").replace([math.inf, -math.inf], math.nan).dropna()
        if len(values) >= 2:
            quantiles = values.quantile([0.05, 0.5, 0.95])
            computed = {"mean": values.mean(), "std": values.std()}
            computed |= dict(zip(("p05", "median", "p95"), quantiles, strict=True))
            statistics[name] |= {key: float(value) for key, value in computed.items() if math.isfinite(value)}
    return statistics
