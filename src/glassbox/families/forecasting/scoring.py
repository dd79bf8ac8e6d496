"""How a forecaster is watched once actual values arrive: level, trend and season of what it missed by, a season a row."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from glassbox.data.schema import ColumnSchema, Schema
from glassbox.families.forecasting.predictor import ForecastPredictor
from glassbox.families.protocol import Reference, Scorer

FIELDS = ("level", "trend", "season")


def watched(predictor: ForecastPredictor, train: pd.DataFrame, oof: pd.DataFrame, kept: Path | None = None) -> Reference:
    """The backtest as the reference that later forecasts are compared with.

    One row for each series, origin and season (the shortest). In units of the series' scale: ``level`` is the mean error,
    ``trend`` how far the error moves through the season, ``season`` how much further actual values swing than forecasts.
    """
    season = predictor.recipe.seasons[0]
    scale = pd.Series(predictor.scale, index=predictor.history.names)
    rows = oof.dropna(subset=["y_true"]).sort_values(["series", "origin", "ahead"], kind="stable")
    by = rows["series"].map(scale).to_numpy(dtype=np.float64)
    actual, point = rows["y_true"].to_numpy() / by, rows["y_pred"].to_numpy() / by
    place = (rows["ahead"].to_numpy() - 1) % season - (season - 1) / 2
    table = pd.DataFrame(
        {
            "series": rows["series"].to_numpy(),
            "origin": rows["origin"].to_numpy(),
            "chunk": (rows["ahead"].to_numpy() - 1) // season,
            "actual": actual,
            "point": point,
            "error": actual - point,
            "moved": (actual - point) * place,
            "place2": place**2,
        }
    )
    found = table.groupby(["series", "origin", "chunk"], sort=True).agg(
        level=("error", "mean"), moved=("moved", "sum"), place2=("place2", "sum"), y_true=("actual", "mean"), y_pred=("point", "mean"),
        swing=("actual", lambda part: float(np.std(part))), swung=("point", lambda part: float(np.std(part))),
    ).reset_index()  # fmt: skip
    fields = pd.DataFrame(
        {
            "level": found["level"],
            "trend": season * found["moved"] / found["place2"].where(found["place2"] > 0, 1.0),
            "season": found["swing"] - found["swung"],
        }
    )
    columns = [
        ColumnSchema(name=name, kind="number", low=float(fields[name].min()), high=float(fields[name].max())) for name in FIELDS
    ]
    return Reference(
        rows=fields,
        schema=Schema(columns=columns),
        predictions=found[["y_pred"]],
        truth=found["y_true"],
        batch=max(1, min(500, len(fields) // 2)),
        unit=f"seasons of {season} steps" if season > 1 else "steps",
    )


def scorer(schema: Schema, truth: pd.Series, requirements: Mapping[str, Any], positive: str | None) -> Scorer:
    """How far the mean of a season lies from its forecast, in units of the series' scale: 1 is as bad as the season before."""

    def of(truth: pd.Series, predictions: pd.DataFrame) -> float:
        return float(np.abs(truth.to_numpy() - predictions["y_pred"].to_numpy()).mean())

    return Scorer("season_error", False, of)
