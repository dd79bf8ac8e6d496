"""Predictor for forecasting: recipe, model, prediction intervals and history."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from glassbox.data.schema import ColumnSchema, Schema, clip
from glassbox.data.value_parsing import clean, date_reader
from glassbox.families.forecasting.conformal import Offsets
from glassbox.families.forecasting.metrics import QUANTILES
from glassbox.families.forecasting.models import KINDS
from glassbox.families.forecasting.panel import Floats, Panel, interval_scales, scales
from glassbox.families.forecasting.protocols import Fitting, Model
from glassbox.families.forecasting.recipe import Recipe, impute_future
from glassbox.families.predictor_protocol import DESCRIPTION, read_description
from glassbox.files import read_parquet, write_json, write_parquet

HISTORY, COVARIATES = "history.parquet", "covariates.parquet"
FORMAT = 1
QUANTILE_NAMES = [f"q{round(100 * level):02d}" for level in QUANTILES]


@dataclass(frozen=True)
class Columns:
    """Names of the time, target and series columns."""

    time: str
    target: str
    series: str | None


@dataclass(frozen=True)
class ForecastPredictor:
    """A forecaster of series; implements `glassbox.families.predictor_protocol.Predictor`.

    Attributes
    ----------
    schema
        Schema of the data's rows.
    history
        The known panel; forecasts start after its last step.
    scale
        (series,) `panel.scales` of the whole history; the units of the interval offsets.
    refit_note
        Describes the refit since the evaluation; empty if there was none.
    """

    schema: Schema
    columns: Columns
    recipe: Recipe
    kind: str
    params: dict[str, Any]
    model: Model
    offsets: Offsets
    history: Panel
    scale: Floats
    nonnegative: bool
    seed: int
    threads: int
    refit_note: str = ""

    @property
    def fields(self) -> list[str]:
        """Columns that a caller sends."""
        named = [self.columns.series] if self.columns.series else []
        return [*named, self.columns.time, *self.recipe.known]

    @property
    def ahead(self) -> pd.DatetimeIndex:
        """Time steps that can be forecast."""
        return self.recipe.step.after(self.history.times[-1], self.recipe.horizon)

    @property
    def input_schema(self) -> Schema:
        """Input schema: a series, a time step that can be forecast, and the covariates known ahead.

        A row with the target filled in is history and replaces the stored history of its series.
        """
        first, last = self.ahead[0].isoformat(), self.ahead[-1].isoformat()
        columns = []
        for column in self.schema.columns:
            if column.name == self.columns.time:
                form = {"date_format": column.date_format or "%Y-%m-%d"}
                columns.append(
                    ColumnSchema(name=column.name, kind="date", low_date=first, high_date=last, range_of="forecast", **form)
                )
            elif column.name == self.columns.series:
                columns.append(column.model_copy(update={"kind": "category", "missing": 0.0}))
            else:
                columns.append(column)
        unused = [field.name for field in self.schema.features if field.name not in self.fields]
        return self.schema.model_copy(
            update={"columns": columns, "excluded": [*self.schema.excluded, *unused], "optional": [self.columns.target]}
        )

    @cached_property
    def points(self) -> Floats:
        """Point forecasts from the end of the history, (series, H); covariates known ahead are imputed from the last season."""
        return self._forecast(self.history, self._future(self.history, {}))

    def _future(self, history: Panel, given: Mapping[str, Floats]) -> dict[str, Floats]:
        blank = np.full((len(history.names), self.recipe.horizon), np.nan)
        return {n: impute_future(given.get(n, blank), history.covariates[n], self.recipe.seasons[0]) for n in self.recipe.known}

    def _forecast(self, history: Panel, future: dict[str, Floats]) -> Floats:
        points = self.model.forecast(history, future)
        return np.maximum(points, 0.0) if self.nonnegative else points

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return forecasts for a conformed frame, in its row order.

        Rows without a target are forecast. Rows with a target are history and replace the stored history of their series.
        Columns: the series, the time step, ``y_pred``, the quantiles ``q05`` to ``q95``, and ``note``: why a forecast is
        missing, or how covariates were imputed.
        """
        time, target, series = self.columns.time, self.columns.target, self.columns.series
        rows = len(frame)
        labels = frame[series].fillna("").astype(str).to_numpy(dtype=object) if series else np.full(rows, "", dtype=object)
        timestamps = pd.DatetimeIndex(frame[time]).as_unit("us")
        known = frame[target].to_numpy(dtype=np.float64, na_value=np.nan) if target in frame else np.full(rows, np.nan)
        values = np.full((rows, 1 + len(QUANTILES)), np.nan)
        notes = np.full(rows, "", dtype=object)
        notes[~np.isnan(known)] = "history"
        for name, positions in pd.Series(labels).groupby(labels, sort=False).indices.items():
            given, wanted = positions[~np.isnan(known[positions])], positions[np.isnan(known[positions])]
            self._predict_series(str(name), frame, timestamps, known, given, wanted, values, notes)
        columns: dict[str, Any] = {series: labels} if series else {}
        columns[time] = [None if pd.isna(timestamp) else timestamp.isoformat() for timestamp in timestamps]
        columns["y_pred"] = values[:, 0]
        columns |= {name: values[:, 1 + i] for i, name in enumerate(QUANTILE_NAMES)}
        return pd.DataFrame({**columns, "note": notes}, index=frame.index)

    def _predict_series(
        self,
        name: str,
        frame: pd.DataFrame,
        timestamps: pd.DatetimeIndex,
        known: Floats,
        given: Any,
        wanted: Any,
        values: Floats,
        notes: Any,
    ) -> None:
        """Forecast the rows `wanted` of one series from its stored history or the rows `given`; fills `values` and `notes`."""
        if not len(wanted):
            return
        if len(given):
            history, problem = self._sent_history(name, frame, timestamps, known, given)
            if problem:
                notes[wanted] = problem
                return
            scale = interval_scales(history.values, self.recipe.seasons[0])
        elif name in self.history.names:
            at = self.history.names.index(name)
            history = self.history.take([at])
            scale = interval_scales(history.values, self.recipe.seasons[0])
        else:
            notes[wanted] = "this series is not known; send its history as rows with the target filled in"
            return
        ahead = self.recipe.step.after(history.times[-1], self.recipe.horizon)
        step_index = ahead.get_indexer(timestamps[wanted])
        beyond = step_index < 0
        notes[wanted[beyond]] = (
            f"not one of the {self.recipe.horizon} steps from {ahead[0].isoformat()} to {ahead[-1].isoformat()}"
        )
        for rows, steps in _scenarios(wanted[~beyond], step_index[~beyond]):
            future = self._future(history, self._given(frame, rows, steps))
            stored = not len(given) and not self.recipe.known
            point = self.points[[self.history.names.index(name)]] if stored else self._forecast(history, future)
            quantiles = self.offsets.quantiles(point, scale, [name])
            unknown = [n for n in self.recipe.known if frame[n].iloc[rows].isna().any()]
            if unknown:
                notes[rows] = f"where {' or '.join(unknown)} is missing, its value one season earlier is used"
            if ended := self._ended(history):
                notes[rows] = f"{notes[rows[0]]}; {ended}" if notes[rows[0]] else ended
            values[rows, 0] = point[0, steps]
            values[rows, 1:] = np.maximum(quantiles[0, steps], 0.0) if self.nonnegative else quantiles[0, steps]

    def _ended(self, history: Panel) -> str:
        """Return a note where a series ended at least a season, and a horizon, before the forecast starts; else an empty string."""
        last = int(np.flatnonzero(~np.isnan(history.values[0])).max(initial=-1))
        missing = history.steps - 1 - last
        if missing < max(self.recipe.seasons[0], self.recipe.horizon) or last < 0:
            return ""
        return f"this series has no values after {history.times[last].isoformat()}; the forecast assumes that it continues"

    def _given(self, frame: pd.DataFrame, rows: Any, steps: Any) -> dict[str, Floats]:
        """Return the covariates known ahead, as sent in the rows to forecast."""
        covariates = {}
        for name in self.recipe.known:
            matrix = np.full((1, self.recipe.horizon), np.nan)
            matrix[0, steps] = frame[name].to_numpy(dtype=np.float64, na_value=np.nan)[rows]
            covariates[name] = matrix
        return covariates

    def _sent_history(
        self, name: str, frame: pd.DataFrame, timestamps: pd.DatetimeIndex, known: Floats, given: Any
    ) -> tuple[Panel, str]:
        """Convert the rows sent as history to a panel; the second value describes the problem if they are invalid, else it is empty."""
        step = self.recipe.step
        times = step.range(timestamps[given].min(), timestamps[given].max())
        at = times.get_indexer(timestamps[given])
        if (at < 0).any():
            return self.history, f"the rows of its history are not spaced by whole steps; expected one row per {step.name}"
        values = np.full((1, len(times)), np.nan)
        values[0, at] = known[given]
        covariates = {}
        for column in self.history.covariates:
            covariates[column] = np.full((1, len(times)), np.nan)
            if column in frame:
                covariates[column][0, at] = frame[column].to_numpy(dtype=np.float64, na_value=np.nan)[given]
        return Panel(step, [name], times, values, covariates), ""

    def expand_query(self, question: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        """Expand a query in short form to rows; None when `question` is a row.

        A query has ``"horizon"`` and, where there are several series, ``"series"`` (``"*"`` for all of them). Optional are
        ``"history"``, rows with the target filled in, and ``"future"``, rows of covariates known ahead.

        Raises
        ------
        ValueError
            When the query is invalid.
        """
        if "horizon" not in question:
            return None
        horizon, history = question["horizon"], question.get("history", [])
        if unknown := sorted(set(question) - {"horizon", "series", "history", "future"}):
            raise ValueError(f"{unknown[0]!r} is not a key of a query; expected horizon, series, history and future")
        if isinstance(horizon, bool) or not isinstance(horizon, int) or not 1 <= horizon <= self.recipe.horizon:
            raise ValueError(f"horizon is {str(horizon)[:40]}; expected a whole number from 1 to {self.recipe.horizon}")
        for part in ("history", "future"):
            if not isinstance(question.get(part, []), list) or not all(isinstance(row, dict) for row in question.get(part, [])):
                raise ValueError(f"{part} is not a list of rows")
        names = self._queried_series(question, bool(history))
        steps = self._steps_after(history)[:horizon]
        later = question.get("future", [])
        rows: list[dict[str, Any]] = []
        for name in names:
            label = {self.columns.series: name} if self.columns.series else {}
            blank = dict.fromkeys(self.recipe.known)
            rows += [{**blank, **row, **label} for row in history]
            for i, timestamp in enumerate(steps):
                covariates = {k: v for k, v in (later[i] if i < len(later) else {}).items() if k in self.recipe.known}
                rows.append({**blank, **covariates, **label, self.columns.time: self._format_time(timestamp)})
        return rows

    def _queried_series(self, question: Mapping[str, Any], own_history: bool) -> list[str]:
        if self.columns.series is None:
            return [""]
        name = question.get("series")
        if name == "*" and not own_history:
            return self.history.names
        if own_history:
            return [clean(name, ()) or "history"]
        label = clean(name, ())
        if label is None or isinstance(name, (list, dict)):
            raise ValueError(
                f"series is missing; expected one of {len(self.history.names):,}, such as {self.history.names[0]!r}, or history"
            )
        return [label]

    def _steps_after(self, history: Sequence[Mapping[str, Any]]) -> pd.DatetimeIndex:
        if not history:
            return self.ahead
        read = date_reader(self.schema.column(self.columns.time).date_format)
        times = [None if (text := clean(row.get(self.columns.time))) is None else read(text) for row in history]
        if unreadable := [row for row, time in zip(history, times, strict=True) if time is None]:
            raise ValueError(
                f"a row of history has {self.columns.time!r} {clip(repr(unreadable[0].get(self.columns.time)))}; expected a date such as "
                f"{self._format_time(self.history.times[-1])!r}"
            )
        last = pd.Timestamp(max(time for time in times if time is not None)).as_unit("us")
        return self.recipe.step.after(last, self.recipe.horizon)

    def _format_time(self, timestamp: pd.Timestamp) -> str:
        return timestamp.isoformat(sep=" ")

    def postprocess(self, raw: pd.DataFrame) -> pd.DataFrame:
        """Return raw backtest forecasts as `predict` would return them: unchanged."""
        return raw[["y_pred"]]

    def updated_with(self, history: Panel, model: Model, note: str) -> "ForecastPredictor":
        """Return a copy with a longer history and the model that is refitted to it."""
        return replace(self, history=history, model=model, scale=scales(history.values, self.recipe.seasons[0]), refit_note=note)

    def save(self, folder: Path) -> None:
        """Write the predictor into `folder`; equal predictors give equal bytes."""
        folder.mkdir(parents=True, exist_ok=True)
        self.model.save(folder)
        wide = pd.DataFrame(self.history.values.T, columns=[f"s{i}" for i in range(len(self.history.names))])
        write_parquet(folder / HISTORY, wide)
        write_parquet(folder / COVARIATES, _stacked(self.history))
        write_json(
            folder / DESCRIPTION,
            {
                "family": "forecasting",
                "format": FORMAT,
                "task": "forecasting",
                "kind": self.kind,
                "params": self.params,
                "recipe": self.recipe,
                "offsets": self.offsets,
                "schema": self.schema,
                "columns": {"time": self.columns.time, "target": self.columns.target, "series": self.columns.series},
                "series": self.history.names,
                "first": self.history.times[0].isoformat(),
                "steps": self.history.steps,
                "scale": self.scale.tolist(),
                "covariates": sorted(self.history.covariates),
                "nonnegative": self.nonnegative,
                "seed": self.seed,
                "threads": self.threads,
                "refit_note": self.refit_note,
            },
        )


def _scenarios(rows: Any, steps: Any) -> list[tuple[Any, Any]]:
    """Split rows that repeat a time step (with other covariates) into scenarios in which each step occurs once."""
    turn = pd.Series(steps).groupby(steps).cumcount().to_numpy()
    return [(rows[turn == k], steps[turn == k]) for k in range(int(turn.max()) + 1)] if len(rows) else []


def _stacked(history: Panel) -> pd.DataFrame:
    """Return the covariates as columns, the series stacked below one another."""
    return pd.DataFrame({f"c{i}": history.covariates[name].ravel() for i, name in enumerate(sorted(history.covariates))})


def load(folder: Path) -> ForecastPredictor:
    """Load the predictor saved in `folder`.

    Raises
    ------
    GlassboxError
        When its format version is not supported.
    """
    saved = read_description(folder, FORMAT)
    recipe = Recipe.model_validate(saved["recipe"])
    names = list(saved["series"])
    values = np.ascontiguousarray(read_parquet(folder / HISTORY).to_numpy(dtype=np.float64).T)
    stacked = read_parquet(folder / COVARIATES)
    covariates = {
        name: stacked[f"c{i}"].to_numpy(dtype=np.float64).reshape(len(names), -1) for i, name in enumerate(saved["covariates"])
    }
    first = pd.Timestamp(saved["first"]).as_unit("us")
    times = recipe.step.after(first, saved["steps"] - 1).insert(0, first) if saved["steps"] > 1 else pd.DatetimeIndex([first])
    return ForecastPredictor(
        schema=Schema.model_validate(saved["schema"]),
        columns=Columns(**saved["columns"]),
        recipe=recipe,
        kind=saved["kind"],
        params=saved["params"],
        model=KINDS[saved["kind"]].load(folder, Fitting(saved["params"], recipe, saved["seed"], saved["threads"])),
        offsets=Offsets.model_validate(saved["offsets"]),
        history=Panel(recipe.step, names, times, values, covariates),
        scale=np.array(saved["scale"], dtype=np.float64),
        nonnegative=saved["nonnegative"],
        seed=saved["seed"],
        threads=saved["threads"],
        refit_note=saved["refit_note"],
    )
