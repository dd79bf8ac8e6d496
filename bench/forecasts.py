"""Benchmark of forecasts: scores of the selected model on unseen steps of five data sets, and the run time of many hourly series.

``python bench/forecasts.py --out FILE`` runs comparison, tuning and evaluation in this process; ``--against FILE`` adds the figures of an
earlier run, for example of an earlier commit in another worktree. The raw data of the catalogue has to be in ``data/raw``.
"""

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from glassbox.data.schema import Schema
from glassbox.families.forecasting import evaluate
from glassbox.families.forecasting.backtest import BacktestDataset, forecast_from
from glassbox.families.forecasting.dataset import make_folds, recipe_of
from glassbox.families.forecasting.family import FAMILY
from glassbox.families.forecasting.frequency import Step
from glassbox.families.forecasting.metrics import Forecasts, by_window, covered, paired_gain, score
from glassbox.families.forecasting.panel import Panel, panel_of, scales
from glassbox.families.forecasting.predictor import Columns
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.compare import compare
from glassbox.families.shared.tuning import tune
from glassbox.request.model import Data, Request
from glassbox.runtime.resources import Resources

RAW = Path(__file__).parents[1] / "data/raw"
HOURS = 8000  # of an hourly series, so that the benchmark takes minutes
HOUR, DAY = Step(seconds=3600), Step(seconds=86_400)
SIMPLE = {
    "last value": ("naive", {}),
    "shortest season": ("seasonal_naive", {"season": 0}),
    "longest season": ("seasonal_naive", {}),
}


@dataclass(frozen=True)
class Case:
    """A data set with its horizon, the number of origins that are held out, and the number of folds."""

    read: Callable[[], Panel]
    horizon: int
    origins: int
    folds: int
    known: tuple[str, ...] = ()
    holidays: str | None = None


def _hourly(frame: pd.DataFrame, time_column: str, target: str) -> Panel:
    frame = frame.dropna(subset=[target]).assign(**{time_column: pd.to_datetime(frame[time_column])})
    frame = frame.groupby(time_column, as_index=False)[target].mean()
    return panel_of(frame, time=time_column, target=target, series=None, covariates=[], step=HOUR)


def electricity() -> Panel:
    """Read hourly electricity consumption."""
    return _hourly(pd.read_csv(RAW / "electricity/hourly_electricity.csv"), "ts", "y").latest(HOURS)


def traffic() -> Panel:
    """Read hourly traffic volumes."""
    frame = pd.read_csv(RAW / "traffic_hourly/hourly_traffic_volume.csv")
    return _hourly(frame[frame["date_time"] >= "2015-07"], "date_time", "traffic_volume").latest(HOURS)


def pm25() -> Panel:
    """Read hourly PM2.5 concentrations in Beijing."""
    frame = pd.read_csv(RAW / "pm25_hourly/hourly_beijing_pm.csv")
    return _hourly(frame.assign(ts=pd.to_datetime(frame[["year", "month", "day", "hour"]])), "ts", "pm2.5").latest(HOURS)


def bikes() -> Panel:
    """Read daily bicycle rides with the weather of the day."""
    frame = pd.read_csv(RAW / "bikes_hourly/hourly_bikesharing.csv").assign(
        day=lambda rows: pd.to_datetime(rows["ts"]).dt.normalize()
    )
    days = frame.groupby("day", as_index=False).agg({"count": "sum", "tmin": "mean", "tmax": "mean", "pn": "mean"})
    return panel_of(days, time="day", target="count", series=None, covariates=["tmin", "tmax", "pn"], step=DAY).latest(1500)


def sales(every: int = 60, days: int = 500) -> Panel:
    """Read the daily sales of every n-th product."""
    wide = pd.read_parquet(RAW / "m5_sales/sales.parquet").iloc[::every]
    columns = [name for name in wide.columns if name.startswith("d_")][-days:]
    values = wide[columns].to_numpy(dtype=np.float64)
    times = pd.date_range(pd.Timestamp("2011-01-28") + pd.Timedelta(days=int(columns[0][2:])), periods=days).as_unit("us")
    names = wide["id"].astype(str).tolist() if "id" in wide else [f"p{i:05d}" for i in range(len(wide))]
    order = np.argsort(names, kind="stable")
    return Panel(DAY, [names[i] for i in order], times, values[order])


def hourly_series(count: int = 400, steps: int = 1008) -> Panel:
    """Generate hourly series with daily and weekly seasons, different levels and different noise."""
    rng, hours = np.random.default_rng(0), np.arange(steps)
    day, week = 2 * np.pi * hours / 24, 2 * np.pi * hours / 168
    values = np.empty((count, steps))
    for i in range(count):
        size, phase = rng.lognormal(3, 1), rng.uniform(0, 2 * np.pi, 2)
        noise = rng.uniform(0.05, 0.6) * rng.normal(size=steps)
        walk = np.cumsum(rng.normal(size=steps)) * rng.uniform(0, 0.05)
        values[i] = size * (3 + np.sin(day + phase[0]) + 0.5 * np.sin(week + phase[1]) + walk + noise)
    times = pd.date_range("2024-01-01", periods=steps, freq="h").as_unit("us")
    return Panel(HOUR, [f"s{i:03d}" for i in range(count)], times, values)


CASES = {
    "bikes": Case(bikes, 14, 6, 4, ("tmin", "tmax", "pn"), "US"),
    "sales": Case(sales, 28, 3, 3),
    "pm25": Case(pm25, 48, 6, 4),
    "traffic": Case(traffic, 48, 6, 4),
    "electricity": Case(electricity, 168, 4, 3),
    "hourly": Case(hourly_series, 48, 1, 5),
}


def measure(name: str, cost: str, workers: int, trials: int) -> dict[str, Any]:
    """Compare, tune and evaluate one case; return scores, coverage by fifth of the series and the run time in seconds."""
    case, started = CASES[name], time.monotonic()
    full = case.read()
    request = Request(
        name=name,
        task="forecasting",
        data=Data(target="y", known=list(case.known), holidays=case.holidays),
        horizon=case.horizon,
        folds=case.folds,
        cost=cost,
    )
    resources = Resources(seed=42, workers=workers)
    train = full.until(full.steps - case.horizon * case.origins)
    recipe = recipe_of(train, request)
    folds = make_folds(train, recipe, case.folds)["origin"].tolist()
    dataset, effort = BacktestDataset.of(train, recipe, folds), replace(FAMILY.effort(request.cost), trials=trials)
    comparison = compare(FAMILY, dataset, FAMILY.candidates(dataset, request.cost), "mase", effort, resources)
    board = comparison.leaderboard
    chosen = Candidate.model_validate(board["chosen"])
    tuning = tune(
        FAMILY,
        dataset,
        chosen,
        FAMILY.search_space(dataset, chosen, request.cost),
        recipe=recipe.model_dump(),
        leaderboard=board,
        oof=comparison.oof,
        effort=effort,
        resources=resources,
    )
    offsets, oof = evaluate.intervals(tuning.oof, dataset)
    predictor = evaluate.refit(tuning.best, train, Schema(columns=[]), Columns("time", "y", None), offsets, seed=42)
    later = Panel(
        full.step,
        full.names,
        full.times[train.steps :],
        full.values[:, train.steps :],
        {key: matrix[:, train.steps :] for key, matrix in full.covariates.items()},
    )
    holdout = evaluate.holdout_dataset(dataset, later, case.origins)
    forecasts = evaluate.forecast_holdout(holdout, predictor, resources, oof)
    seconds = time.monotonic() - started
    ranking = [(row["candidate"], row["scores"]["mase"]["value"]) for row in tuning.board["rows"] if not row["note"]]
    return {
        "mase": score(forecasts, "mase"),
        "pinball": score(forecasts, "pinball"),
        "coverage": float(np.nanmean(covered(forecasts))),
        "by_fifth": by_fifth(forecasts, train),
        "simple": simple_baselines(forecasts, holdout, dataset, recipe.seasons[0]),
        "selected": tuning.best["candidate"],
        "backtest": [[candidate, round(value, 4)] for candidate, value in ranking],
        "timing": {
            row.candidate: round(row.fit + row.predict, 1) for row in comparison.timing.itertuples() if row.fit == row.fit
        },
        "seconds": seconds,
    }


def by_fifth(forecasts: Forecasts, train: Panel) -> list[float]:
    """Return the coverage of the 90 % intervals in each fifth of the series, ordered by scale relative to the mean value."""
    if len(train.names) < 10:
        return []
    rough = scales(train.values, 1) / np.maximum(np.nanmean(np.abs(train.values), axis=1), 1e-9)
    fifth = np.argsort(np.argsort(rough, kind="stable"), kind="stable") * 5 // len(rough)
    inside = covered(forecasts)
    return [float(np.nanmean(inside[fifth[forecasts.series] == part])) for part in range(5)]


def simple_baselines(forecasts: Forecasts, holdout: BacktestDataset, dataset: BacktestDataset, season: int) -> dict[str, Any]:
    """Return the MASE of simple forecasts in the backtest and on the unseen steps, and the gain over the best of the backtest."""
    result: dict[str, Any] = {}
    for label, (kind, params) in SIMPLE.items():
        chosen = {key: season for key in params}
        frames = [
            part.frame({origin: forecast_from(part, origin, kind, chosen, Resources())["point"] for origin in part.origins})
            for part in (dataset, holdout)
        ]
        result[label] = {"backtest": score(frames[0], "mase"), "mase": score(frames[1], "mase"), "frame": frames[1]}
    best = min(result, key=lambda label: result[label]["backtest"])
    gain = paired_gain(forecasts, result[best]["frame"], "mase", resamples=1000, seed=1)
    for row in result.values():
        row.pop("frame")
    return {
        "best": best,
        "gain": [gain.value, gain.low, gain.high],
        **result,
        "wins": float(np.nanmean(by_window(forecasts, "mase") < 1)),
    }


def main() -> None:
    """Run the cases and print their figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", default=list(CASES))
    parser.add_argument("--cost", default="low")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--trials", type=int, default=3)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--against", type=Path)
    args = parser.parse_args()
    figures: dict[str, Any] = json.loads(args.out.read_text()) if args.out and args.out.exists() else {}
    for name in args.cases or list(CASES):
        figures[name] = measure(name, args.cost, args.workers, args.trials)
        print(name, json.dumps(figures[name], indent=1), flush=True)
        if args.out:
            args.out.write_text(json.dumps(figures, indent=1))
    if args.against:
        before = json.loads(args.against.read_text())
        for name in [name for name in figures if name in before]:
            changes = [f"{metric} {before[name][metric]:.4f} -> {figures[name][metric]:.4f}" for metric in ("mase", "pinball")]
            print(f"{name}: {'; '.join(changes)}; {before[name]['seconds']:.0f} s -> {figures[name]['seconds']:.0f} s")


if __name__ == "__main__":
    main()
