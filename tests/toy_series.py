"""Synthetic time series with a known structure, for the tests of the forecasting family."""

from functools import lru_cache

import numpy as np
import pandas as pd

from glassbox.data.schema import ColumnSchema, Schema
from glassbox.families.forecasting.backtest import BacktestDataset
from glassbox.families.forecasting.dataset import make_folds, recipe_of
from glassbox.families.forecasting.frequency import Step
from glassbox.families.forecasting.panel import Panel, panel_of
from glassbox.families.forecasting.recipe import Recipe
from glassbox.request.model import Data, Request

DAY = Step(seconds=86_400)


def request(**changes: object) -> Request:
    """Return a forecasting request for the shops with a horizon of one week."""
    data = Data(target="sold", time="day", series=["shop"], known=["rain"], holidays="DE")
    return Request(name="shops", task="forecasting", data=data, horizon=7, folds=3).model_copy(update=changes)


@lru_cache
def shops(days: int = 140, series: int = 3, seed: int = 0) -> pd.DataFrame:
    """Generate daily sales of shops from a level, a weekly season, an effect of rain, and noise; one row per shop and day."""
    rng = np.random.default_rng(seed)
    times = pd.date_range("2021-01-04", periods=days).as_unit("us")
    season = 1 + 0.5 * np.sin(2 * np.pi * np.arange(days) / 7)
    frames = []
    for i in range(series):
        rain = rng.random(days).round(2)
        sold = (20 * (i + 1) * season - 8 * rain + rng.normal(0, 1, days)).clip(0).round(1)
        frames.append(
            pd.DataFrame(
                {"shop": f"s{i}", "day": times, "sold": sold, "rain": rain, "staff": rng.integers(2, 9, days).astype(float)}
            )
        )
    sales = pd.concat(frames, ignore_index=True)
    return sales.assign(row_id=[f"{shop}-{day:%Y%m%d}" for shop, day in zip(sales["shop"], sales["day"], strict=True)])


def schema(frame: pd.DataFrame) -> Schema:
    """Return the schema of `shops`."""
    low, high = frame["day"].min().isoformat(), frame["day"].max().isoformat()
    names = sorted(frame["shop"].unique())
    return Schema(
        columns=[
            ColumnSchema(name="shop", kind="category", categories=names, distinct=len(names)),
            ColumnSchema(name="day", kind="date", date_format="%Y-%m-%d", low_date=low, high_date=high),
            ColumnSchema(name="sold", kind="number", low=0.0, high=200.0),
            ColumnSchema(name="rain", kind="number", low=0.0, high=1.0),
            ColumnSchema(name="staff", kind="number", low=2.0, high=8.0),
        ],
        target="sold",
        target_kind="number",
    )


def panel(**shape: int) -> Panel:
    """Return the shops as a panel."""
    return panel_of(shops(**shape), time="day", target="sold", series="shop", covariates=["rain", "staff"], step=DAY)


def recipe(of: Panel | None = None) -> Recipe:
    """Return the recipe of the request."""
    return recipe_of(of or panel(), request())


def dataset(**shape: int) -> BacktestDataset:
    """Return the backtest of the request: three origins, one week apart."""
    shop_panel = panel(**shape)
    shop_recipe = recipe(shop_panel)
    return BacktestDataset.of(shop_panel, shop_recipe, make_folds(shop_panel, shop_recipe, 3)["origin"].tolist())
