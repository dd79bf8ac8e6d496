"""Monitoring of forecasters: level, trend and seasonal swing of the errors, one row per season."""

import numpy as np
import pandas as pd

from glassbox.data.schema import ColumnSchema, Schema
from glassbox.families.forecasting.predictor import ForecastPredictor
from glassbox.families.protocol import BatchMetric, Reference

FIELDS = ("level", "trend", "season")


def reference(predictor: ForecastPredictor, oof: pd.DataFrame) -> Reference:
    """Return the errors of the backtest as the reference data.

    One row for each series, origin and (shortest) season, in units of the scale of the series: ``level`` is the mean error,
    ``trend`` its change through the season, ``season`` the standard deviation of actual values minus that of forecasts.
    """
    season = predictor.recipe.seasons[0]
    scale = pd.Series(predictor.scale, index=predictor.history.names)
    rows = oof.dropna(subset=["y_true"]).sort_values(["series", "origin", "ahead"], kind="stable")
    scale_of_row = rows["series"].map(scale).to_numpy(dtype=np.float64)
    actual, point = rows["y_true"].to_numpy() / scale_of_row, rows["y_pred"].to_numpy() / scale_of_row
    position = (rows["ahead"].to_numpy() - 1) % season - (season - 1) / 2
    table = pd.DataFrame(
        {
            "series": rows["series"].to_numpy(),
            "origin": rows["origin"].to_numpy(),
            "chunk": (rows["ahead"].to_numpy() - 1) // season,
            "actual": actual,
            "point": point,
            "error": actual - point,
            "moved": (actual - point) * position,
            "place2": position**2,
        }
    )
    seasons = table.groupby(["series", "origin", "chunk"], sort=True).agg(
        level=("error", "mean"), moved=("moved", "sum"), place2=("place2", "sum"), y_true=("actual", "mean"), y_pred=("point", "mean"),
        swing=("actual", lambda part: float(np.std(part))), swung=("point", lambda part: float(np.std(part))),
    ).reset_index()  # fmt: skip
    fields = pd.DataFrame(
        {
            "level": seasons["level"],
            "trend": season * seasons["moved"] / seasons["place2"].where(seasons["place2"] > 0, 1.0),
            "season": seasons["swing"] - seasons["swung"],
        }
    )
    columns = [
        ColumnSchema(name=name, kind="number", low=float(fields[name].min()), high=float(fields[name].max())) for name in FIELDS
    ]
    return Reference(
        rows=fields,
        schema=Schema(columns=columns),
        predictions=seasons[["y_pred"]],
        truth=seasons["y_true"],
        batch=max(1, min(500, len(fields) // 2)),
        unit=f"seasons of {season} steps" if season > 1 else "steps",
    )


def batch_metric() -> BatchMetric:
    """Return the absolute error of the mean of a season, in units of the scale of the series; 1 equals the seasonal naive forecast."""

    def score(truth: pd.Series, predictions: pd.DataFrame) -> float:
        return float(np.abs(truth.to_numpy() - predictions["y_pred"].to_numpy()).mean())

    return BatchMetric("season_error", False, score)
