"""The forecaster that is evaluated, saved and served: recipe, model, intervals, and the history that it forecasts from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from glassbox.data.schema import ColumnSchema, Schema
from glassbox.families.forecasting.conformal import Offsets
from glassbox.families.forecasting.metrics import QUANTILES
from glassbox.families.forecasting.models import kind_of
from glassbox.families.forecasting.panel import Floats, Panel, scales
from glassbox.families.forecasting.protocols import Fitting, Model
from glassbox.families.forecasting.recipe import Recipe, stood_in
from glassbox.families.predictor_protocol import DESCRIPTION, read_description
from glassbox.files import read_parquet, write_json, write_parquet

HISTORY, COVARIATES = "history.parquet", "covariates.parquet"
FORMAT = 1
QUANTILE_NAMES = [f"q{round(100 * level):02d}" for level in QUANTILES]
LEAST_HISTORY = 2  # seasons (the shortest) that a caller's own history must have


@dataclass(frozen=True)
class Columns:
    """What the columns of a row are called."""

    time: str
    target: str
    series: str | None


@dataclass(frozen=True)
class ForecastPredictor:
    """A forecaster of series; implements `glassbox.families.protocol.Predictor`.

    Attributes
    ----------
    schema
        What rows of the data look like.
    history
        What is known: forecasts begin at its end.
    scale
        (series,) as `panel.scales` has it over all of the history: intervals are in units of it.
    updated
        What was taken in since the evaluation, in words; empty when nothing was.
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
        """The columns of the data that a caller sends."""
        named = [self.columns.series] if self.columns.series else []
        return [*named, self.columns.time, *self.recipe.known]

    @property
    def ahead(self) -> pd.DatetimeIndex:
        """The steps that can be asked for."""
        return self.recipe.step.after(self.history.times[-1], self.recipe.horizon)

    @property
    def served(self) -> Schema:
        """A row at the door: a series, a step that can be forecast, and the covariates known ahead.

        A row with the target filled in is history: it stands in the place of the stored one.
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
            update={"columns": columns, "aside": [*self.schema.aside, *unused], "optional": [self.columns.target]}
        )

    @cached_property
    def points(self) -> Floats:
        """Point forecasts from the end of the history, (series, H); covariates known ahead as in the season before."""
        return self._forecast(self.history, self._future(self.history, {}))

    def _future(self, history: Panel, given: Mapping[str, Floats]) -> dict[str, Floats]:
        blank = np.full((len(history.names), self.recipe.horizon), np.nan)
        return {n: stood_in(given.get(n, blank), history.covariates[n], self.recipe.seasons[0]) for n in self.recipe.known}

    def _forecast(self, history: Panel, future: dict[str, Floats]) -> Floats:
        found = self.model.forecast(history, future)
        return np.maximum(found, 0.0) if self.nonnegative else found

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Forecasts for a conformed frame, in its row order.

        Rows without the target are asked for; rows with it are history of their series, and take the place of what is stored.
        Columns: the series, the step, ``y_pred``, one ``q05`` to ``q95`` a quantile, and ``note``: why there is no forecast.
        """
        time, target, series = self.columns.time, self.columns.target, self.columns.series
        rows = len(frame)
        labels = frame[series].fillna("").astype(str).to_numpy(dtype=object) if series else np.full(rows, "", dtype=object)
        moments = pd.DatetimeIndex(frame[time]).as_unit("us")
        known = frame[target].to_numpy(dtype=np.float64, na_value=np.nan) if target in frame else np.full(rows, np.nan)
        made = np.full((rows, 1 + len(QUANTILES)), np.nan)
        notes = np.full(rows, "", dtype=object)
        notes[~np.isnan(known)] = "history"
        for name, inside in pd.Series(labels).groupby(labels, sort=False).indices.items():
            given, asked = inside[~np.isnan(known[inside])], inside[np.isnan(known[inside])]
            self._answer(str(name), frame, moments, known, given, asked, made, notes)
        found: dict[str, Any] = {series: labels} if series else {}
        found[time] = [None if pd.isna(moment) else moment.isoformat() for moment in moments]
        found["y_pred"] = made[:, 0]
        found |= {name: made[:, 1 + i] for i, name in enumerate(QUANTILE_NAMES)}
        return pd.DataFrame({**found, "note": notes}, index=frame.index)

    def _answer(
        self,
        name: str,
        frame: pd.DataFrame,
        moments: pd.DatetimeIndex,
        known: Floats,
        given: Any,
        asked: Any,
        made: Floats,
        notes: Any,
    ) -> None:
        """The rows `asked` of one series, from its stored history or from the rows `given`."""
        if not len(asked):
            return
        if len(given):
            history, problem = self._own_history(name, frame, moments, known, given)
            if problem:
                notes[asked] = problem
                return
            scale = scales(history.values, self.recipe.seasons[0])
        elif name in self.history.names:
            at = self.history.names.index(name)
            history, scale = self.history.take([at]), self.scale[[at]]
        else:
            notes[asked] = "this series is not known; send its history, as rows with the target filled in"
            return
        ahead = self.recipe.step.after(history.times[-1], self.recipe.horizon)
        place = ahead.get_indexer(moments[asked])
        beyond = place < 0
        notes[asked[beyond]] = (
            f"not one of the {self.recipe.horizon} steps from {ahead[0].isoformat()} to {ahead[-1].isoformat()}"
        )
        for rows, steps in _scenarios(asked[~beyond], place[~beyond]):
            future = self._future(history, self._given(frame, rows, steps))
            stored = not len(given) and not self.recipe.known
            point = self.points[[self.history.names.index(name)]] if stored else self._forecast(history, future)
            quantiles = self.offsets.quantiles(point, scale)
            unknown = [n for n in self.recipe.known if frame[n].iloc[rows].isna().any()]
            if unknown:
                notes[rows] = f"where {' or '.join(unknown)} is not known, its value of the season before stands in"
            made[rows, 0] = point[0, steps]
            made[rows, 1:] = np.maximum(quantiles[0, steps], 0.0) if self.nonnegative else quantiles[0, steps]

    def _given(self, frame: pd.DataFrame, rows: Any, steps: Any) -> dict[str, Floats]:
        """Covariates known ahead, as the rows that ask say them."""
        made = {}
        for name in self.recipe.known:
            matrix = np.full((1, self.recipe.horizon), np.nan)
            matrix[0, steps] = frame[name].to_numpy(dtype=np.float64, na_value=np.nan)[rows]
            made[name] = matrix
        return made

    def _own_history(
        self, name: str, frame: pd.DataFrame, moments: pd.DatetimeIndex, known: Floats, given: Any
    ) -> tuple[Panel, str]:
        """The panel of the rows that a caller sent as history, or why it is none."""
        step, least = self.recipe.step, LEAST_HISTORY * self.recipe.seasons[0]
        times = step.range(moments[given].min(), moments[given].max())
        at = times.get_indexer(moments[given])
        if (at < 0).any():
            return self.history, f"the rows of its history are not each a whole number of steps (of a {step.words}) apart"
        if len(times) < least:
            return self.history, f"its history has {len(times)} steps; at least {least} are needed, two seasons"
        values = np.full((1, len(times)), np.nan)
        values[0, at] = known[given]
        covariates = {}
        for column in self.history.covariates:
            covariates[column] = np.full((1, len(times)), np.nan)
            if column in frame:
                covariates[column][0, at] = frame[column].to_numpy(dtype=np.float64, na_value=np.nan)[given]
        return Panel(step, [name], times, values, covariates), ""

    def expand_query(self, question: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        """The rows that a short question stands for; None when it is no such question.

        ``{"horizon": 24}`` with, where there are several, ``"series"``; or with ``"history"``, rows with the target filled in;
        and with ``"future"``, rows of covariates known ahead. ``"series": "*"`` asks for all.

        Raises
        ------
        ValueError
            When it is one, and cannot be read.
        """
        if "horizon" not in question:
            return None
        horizon, history = question["horizon"], question.get("history", [])
        if unknown := sorted(set(question) - {"horizon", "series", "history", "future"}):
            raise ValueError(f"{unknown[0]!r} means nothing beside horizon; expected series, history and future")
        if isinstance(horizon, bool) or not isinstance(horizon, int) or not 1 <= horizon <= self.recipe.horizon:
            raise ValueError(f"horizon is {str(horizon)[:40]}; expected a whole number from 1 to {self.recipe.horizon}")
        for part in ("history", "future"):
            if not isinstance(question.get(part, []), list) or not all(isinstance(row, dict) for row in question.get(part, [])):
                raise ValueError(f"{part} is no list of rows")
        names = self._asked_series(question, bool(history))
        steps = self._steps_after(history)[:horizon]
        later = question.get("future", [])
        rows: list[dict[str, Any]] = []
        for name in names:
            label = {self.columns.series: name} if self.columns.series else {}
            blank = dict.fromkeys(self.recipe.known)
            rows += [{**blank, **row, **label} for row in history]
            for i, moment in enumerate(steps):
                covariates = {k: v for k, v in (later[i] if i < len(later) else {}).items() if k in self.recipe.known}
                rows.append({**blank, **covariates, **label, self.columns.time: self._written(moment)})
        return rows

    def _asked_series(self, question: Mapping[str, Any], own: bool) -> list[str]:
        if self.columns.series is None:
            return [""]
        name = question.get("series")
        if name == "*" and not own:
            return self.history.names
        if own:
            return [str(name or "history")]
        if not isinstance(name, str):
            raise ValueError(
                f"series is missing; expected one of {len(self.history.names):,}, such as {self.history.names[0]!r}, or a history"
            )
        return [name]

    def _steps_after(self, history: Sequence[Mapping[str, Any]]) -> pd.DatetimeIndex:
        if not history:
            return self.ahead
        try:
            last = max(pd.Timestamp(str(row.get(self.columns.time))) for row in history)
        except (ValueError, TypeError) as error:
            raise ValueError(f"a row of history has no readable {self.columns.time!r}") from error
        return self.recipe.step.after(last.tz_localize(None).as_unit("us"), self.recipe.horizon)

    def _written(self, moment: pd.Timestamp) -> str:
        return moment.isoformat(sep=" ")

    def postprocess(self, raw: pd.DataFrame) -> pd.DataFrame:
        """What would be answered for forecasts of the backtest: those themselves."""
        return raw[["y_pred"]]

    def refreshed(self, later: Panel, model: Model, said: str) -> "ForecastPredictor":
        """The same recipe and parameters, brought up to date with what came after the history."""
        history = self.history.joined(later)
        return replace(self, history=history, model=model, scale=scales(history.values, self.recipe.seasons[0]), refit_note=said)

    def save(self, folder: Path) -> None:
        """Write the forecaster into `folder`: the same one gives the same bytes."""
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
                "updated": self.refit_note,
            },
        )


def _scenarios(rows: Any, steps: Any) -> list[tuple[Any, Any]]:
    """Rows that ask for one step twice (with other covariates) are asked apart: the first of each step, the second, ..."""
    turn = pd.Series(steps).groupby(steps).cumcount().to_numpy()
    return [(rows[turn == k], steps[turn == k]) for k in range(int(turn.max()) + 1)] if len(rows) else []


def _stacked(history: Panel) -> pd.DataFrame:
    """Covariates a column each, one series below the other."""
    return pd.DataFrame({f"c{i}": history.covariates[name].ravel() for i, name in enumerate(sorted(history.covariates))})


def load(folder: Path) -> ForecastPredictor:
    """The forecaster that was saved in `folder`.

    Raises
    ------
    GlassboxError
        When it was written in another format.
    """
    told = read_description(folder, FORMAT)
    recipe = Recipe.model_validate(told["recipe"])
    names = list(told["series"])
    values = np.ascontiguousarray(read_parquet(folder / HISTORY).to_numpy(dtype=np.float64).T)
    stacked = read_parquet(folder / COVARIATES)
    covariates = {
        name: stacked[f"c{i}"].to_numpy(dtype=np.float64).reshape(len(names), -1) for i, name in enumerate(told["covariates"])
    }
    first = pd.Timestamp(told["first"]).as_unit("us")
    times = recipe.step.after(first, told["steps"] - 1).insert(0, first) if told["steps"] > 1 else pd.DatetimeIndex([first])
    return ForecastPredictor(
        schema=Schema.model_validate(told["schema"]),
        columns=Columns(**told["columns"]),
        recipe=recipe,
        kind=told["kind"],
        params=told["params"],
        model=kind_of(told["kind"]).load(folder, Fitting(told["params"], recipe, told["seed"], told["threads"])),
        offsets=Offsets.model_validate(told["offsets"]),
        history=Panel(recipe.step, names, times, values, covariates),
        scale=np.array(told["scale"], dtype=np.float64),
        nonnegative=told["nonnegative"],
        seed=told["seed"],
        threads=told["threads"],
        refit_note=told["updated"],
    )
