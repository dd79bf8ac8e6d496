"""Forecasting datasets: panels from snapshots, the default feature recipe, and folds by rolling origin."""

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
    """Return the numeric feature columns, without the time and series columns."""
    hidden = {time_column(request), series_column(request, [column.name for column in schema.columns])}
    return [column.name for column in schema.features if column.kind == "number" and column.name not in hidden]


def step_of(frame: pd.DataFrame, request: "Request") -> Step:
    """Return the time step of a snapshot: as requested, else inferred."""
    return (
        named_step(request.data.frequency) if request.data.frequency else find_step(pd.DatetimeIndex(frame[time_column(request)]))
    )


def open_panel(frame: pd.DataFrame, schema: Schema, request: "Request", step: Step | None = None) -> Panel:
    """Convert a snapshot to a panel."""
    return panel_of(
        frame,
        time=time_column(request),
        target=str(request.data.target),
        series=series_column(request, [str(name) for name in frame.columns]),
        covariates=covariate_columns(schema, request),
        step=step or step_of(frame, request),
    )


def recipe_of(panel: Panel, request: "Request") -> Recipe:
    """Return the default feature recipe for a panel."""
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
    """Return forecast origins in ascending order, whose consecutive horizons end with the panel.

    Parameters
    ----------
    count
        The maximum number of origins.
    least
        The minimum number of steps before the first origin.

    Raises
    ------
    DataError
        When the history is too short for a single origin.

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
    candidates = [panel.steps - horizon * k for k in range(count, 0, -1)]
    origins = [origin for origin in candidates if origin >= least]
    if not origins:
        raise DataError(
            f"horizon: train has {panel.steps:,} steps; expected at least {horizon + least:,}: {horizon:,} to evaluate one horizon and "
            f"{least:,} to train on. Provide more history, a shorter horizon, or fewer split.origins."
        )
    return origins


def make_folds(panel: Panel, recipe: Recipe, count: int) -> pd.DataFrame:
    """Return the folds: ``fold``, ``origin`` (number of training steps), ``known_until``, and ``from`` and ``to`` of the evaluated steps.

    The first origin has two seasons before it where the history is long enough for that, and otherwise more than one.
    """
    least = max(recipe.season + 1, recipe.horizon)
    two_seasons = max(least, min(2 * recipe.season, 3 * recipe.seasons[0]))
    least = two_seasons if panel.steps - recipe.horizon >= two_seasons else least
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
    """Tabulate the training and evaluation period of each fold."""
    shown = pd.DataFrame(
        {
            "fold": folds["fold"] + 1,
            "training steps": folds["origin"],
            "trained until": folds["known_until"].astype(str),
            "evaluated from": folds["from"].astype(str),
            "evaluated to": folds["to"].astype(str),
        }
    )
    fewer = f" The history is long enough for only {len(folds)} of the {wanted} requested folds." if len(folds) < wanted else ""
    say = f"{len(folds)} origins, one horizon apart; each forecast uses only data from before its origin.{fewer}"
    return Table.of(shown, "Cross-validation", say=say, formats={"training steps": ",d"})


def recipe_table(recipe: Recipe, target: str | None = None) -> Table:
    """Tabulate the parts of the recipe with their settings and their handling of missing values."""
    rows: list[dict[str, Any]] = [
        {
            "part": "lags",
            "setting": f"{', '.join(map(str, recipe.lags))} seasons back, of {', '.join(map(str, recipe.seasons))} steps",
            "missing values": "left missing; decision trees handle them natively",
        },
        {
            "part": "rolling mean and standard deviation",
            "setting": ", ".join(f"{w} steps" for w in recipe.windows) or "none",
            "missing values": "ignored",
        },
        {"part": "calendar", "setting": ", ".join(recipe.calendar) or "none", "missing values": "never"},
        {"part": "holidays", "setting": recipe.holidays or "none", "missing values": "never"},
        {"part": "known ahead", "setting": ", ".join(recipe.known) or "none", "missing values": "the value one season earlier"},
        {
            "part": "known up to the origin",
            "setting": ", ".join(recipe.past) or "none",
            "missing values": "last value 0; mean of the other values",
        },
        {
            "part": "gaps inside a series",
            "setting": "filled before lags are computed",
            "missing values": "the value one season earlier (imputed for models, ignored by metrics)",
        },
    ]
    say = f"{len(recipe.names())} features per step ahead, all of them known at the origin."
    inputs = [*([target] if target else []), *recipe.known, *recipe.past]
    evidence = RecipeEvidence(missing_handling=dict.fromkeys(inputs, "imputed"))
    return Table.of(pd.DataFrame(rows), "Feature recipe", say=say, evidence=evidence)


def overlap_facts(panel: Panel, request: "Request") -> Facts:
    """State that the holdout begins after the end of train."""
    held_out = int(request.horizon or 1) * request.split.origins
    return Facts(
        title="Duplicates across the split",
        say="Train ends before the holdout begins, so no step is in both.",
        facts={
            "last step of train": str(panel.times[-1]),
            "steps held out": held_out,
            "steps on both sides of the split": 0,
        },
        evidence=OverlapEvidence(shared_rows=0, near_duplicate_rows=0, holdout_rows=held_out),
    )


def parse_recipe(recipe: Mapping[str, Any]) -> Recipe:
    """Parse a recipe from its saved JSON values."""
    return Recipe.model_validate(recipe)
