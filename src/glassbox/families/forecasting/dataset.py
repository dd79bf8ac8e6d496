"""The question of a forecast in the hands of a stage: the panel, the recipe, and the origins that judge."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from glassbox.data.schema import Schema
from glassbox.errors import DataError
from glassbox.families.forecasting.frequency import Step, find_step, named_step
from glassbox.families.forecasting.panel import Panel, panel_of
from glassbox.families.forecasting.prepare_rows import series_column, time_column
from glassbox.families.forecasting.recipe import Recipe, calendar_of, windows_of
from glassbox.findings.evidence import OverlapEvidence, RecipeEvidence
from glassbox.findings.model import Facts, Table

if TYPE_CHECKING:
    from glassbox.request.model import Request


def covariate_columns(schema: Schema, request: "Request") -> list[str]:
    """The columns of numbers that are neither the target, nor time, nor the series."""
    hidden = {time_column(request), series_column(request, [column.name for column in schema.columns])}
    return [column.name for column in schema.features if column.kind == "number" and column.name not in hidden]


def step_of(frame: pd.DataFrame, request: "Request") -> Step:
    """The step of a snapshot."""
    return (
        named_step(request.data.frequency) if request.data.frequency else find_step(pd.DatetimeIndex(frame[time_column(request)]))
    )


def open_panel(frame: pd.DataFrame, schema: Schema, request: "Request", step: Step | None = None) -> Panel:
    """A snapshot as a panel."""
    return panel_of(
        frame,
        time=time_column(request),
        target=str(request.data.target),
        series=series_column(request, [str(name) for name in frame.columns]),
        covariates=covariate_columns(schema, request),
        step=step or step_of(frame, request),
    )


def recipe_of(panel: Panel, request: "Request") -> Recipe:
    """The recipe that stands in the notebook when nobody says otherwise."""
    horizon = int(request.horizon or 1)
    seasons = [season for season in panel.step.seasons if 2 * season <= panel.steps] or [1]
    room = max(1, (panel.steps - horizon) // seasons[-1] - -(-horizon // seasons[-1]))
    known = [name for name in request.data.known if name in panel.covariates]
    return Recipe(
        horizon=horizon,
        step=panel.step,
        seasons=seasons,
        lags=[k for k in (1, 2, 3, 4) if k <= room] or [1],
        windows=[w for w in windows_of(seasons) if w <= panel.steps // 2],
        calendar=calendar_of(panel.step),
        holidays=request.data.holidays if panel.step.seconds and panel.step.seconds <= 86_400 else None,
        known=known,
        past=[name for name in panel.covariates if name not in known],
    )


def rolling_origins(panel: Panel, horizon: int, count: int, *, least: int) -> list[int]:
    """Origins whose horizons follow one another and end with the panel, the earliest first.

    Parameters
    ----------
    count
        How many are wanted.
    least
        Steps that have to be known at the first of them.

    Raises
    ------
    DataError
        When there is no room for one.

    Examples
    --------
    >>> from glassbox.families.forecasting.frequency import Step
    >>> panel = panel_of(
    ...     pd.DataFrame({"t": pd.date_range("2020", periods=10), "y": 1.0}), time="t", target="y", series=None, covariates=[],
    ...     step=Step(seconds=86400),
    ... )
    >>> rolling_origins(panel, 2, 3, least=4)
    [4, 6, 8]
    """
    found = [panel.steps - horizon * k for k in range(count, 0, -1)]
    able = [origin for origin in found if origin >= least]
    if not able:
        raise DataError(
            f"horizon: train has {panel.steps:,} steps; one horizon of {horizon:,} steps to judge by and {least:,} to learn from "
            "(a season, and a horizon) do not fit. More history is needed, a shorter horizon, or fewer split.origins."
        )
    return able


def make_folds(panel: Panel, recipe: Recipe, count: int) -> pd.DataFrame:
    """The folds: ``fold``, ``origin`` (steps known), ``known_until``, ``from`` and ``to`` of the steps that judge."""
    least = max(recipe.season + 1, min(2 * recipe.season, 3 * recipe.seasons[0]), recipe.horizon)
    origins = rolling_origins(panel, recipe.horizon, count, least=least)
    last = [origin + recipe.horizon - 1 for origin in origins]
    return pd.DataFrame(
        {
            "fold": range(len(origins)),
            "origin": origins,
            "known_until": panel.times[[origin - 1 for origin in origins]],
            "from": panel.times[origins],
            "to": panel.times[last],
        }
    )


def folds_table(folds: pd.DataFrame, panel: Panel, wanted: int) -> Table:
    """The folds, each with the steps that are known and those that judge."""
    shown = pd.DataFrame(
        {
            "fold": folds["fold"] + 1,
            "steps known": folds["origin"],
            "known until": folds["known_until"].astype(str),
            "judged from": folds["from"].astype(str),
            "judged to": folds["to"].astype(str),
        }
    )
    fewer = f" The history has room for {len(folds)} of the {wanted} folds that were asked for." if len(folds) < wanted else ""
    say = f"{len(folds)} origins, one horizon apart: at each, only what was known then is used.{fewer}"
    return Table.of(shown, "Folds by rolling origin", say=say, formats={"steps known": ",d"})


def recipe_table(recipe: Recipe, target: str | None = None) -> Table:
    """The recipe, what each part is made of, and what becomes of missing values."""
    rows: list[dict[str, Any]] = [
        {
            "part": "lags",
            "is": f"{', '.join(map(str, recipe.lags))} seasons back, of {', '.join(map(str, recipe.seasons))} steps",
            "missing values": "left missing; trees send them their own way",
        },
        {
            "part": "rolling mean and spread",
            "is": ", ".join(f"{w} steps" for w in recipe.windows) or "none",
            "missing values": "left out of the mean",
        },
        {"part": "calendar", "is": ", ".join(recipe.calendar) or "none", "missing values": "never"},
        {"part": "holidays", "is": recipe.holidays or "none", "missing values": "never"},
        {"part": "known ahead", "is": ", ".join(recipe.known) or "none", "missing values": "the same place in the season before"},
        {
            "part": "known to the present",
            "is": ", ".join(recipe.past) or "none",
            "missing values": "last value 0, mean over what is there",
        },
        {
            "part": "gaps inside a series",
            "is": "before any lag is taken",
            "missing values": "the value of the season before (imputed for models, never judged)",
        },
    ]
    say = f"{len(recipe.names())} features of each step ahead; all of them are known at the origin."
    inputs = [*([target] if target else []), *recipe.known, *recipe.past]
    evidence = RecipeEvidence(missing_handling=dict.fromkeys(inputs, "imputed"))
    return Table.of(pd.DataFrame(rows), "What the models see", say=say, evidence=evidence)


def sealed_facts(panel: Panel, request: "Request") -> Facts:
    """State that the holdout begins after the end of train."""
    sealed = int(request.horizon or 1) * request.split.origins
    return Facts(
        title="Rows on both sides",
        say="Train ends before the holdout begins: no step of any series is on both sides.",
        facts={
            "last step of train": str(panel.times[-1]),
            "steps sealed": sealed,
            "steps on both sides of the split": 0,
        },
        evidence=OverlapEvidence(shared_rows=0, near_duplicate_rows=0, holdout_rows=sealed),
    )


def saved(recipe: Mapping[str, Any]) -> Recipe:
    """A recipe as it was saved."""
    return Recipe.model_validate(recipe)
