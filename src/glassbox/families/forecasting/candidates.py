"""Default candidates and search spaces for forecasting."""

from collections.abc import Mapping
from typing import Any

from glassbox.families.forecasting.recipe import Recipe
from glassbox.families.forecasting.statistical_models import MAX_ETS_SEASON, flair_frequency
from glassbox.families.protocol import Effort, Space
from glassbox.families.shared.candidates import Candidate
from glassbox.request.model import Cost

INTERMITTENT = 0.3  # share of zeros from which methods for intermittent demand are compared
# Typical seconds of one fit: a constant and the seconds per step of history, without and with a season. They are constants, not
# measurements of this run, so that a request has the same candidates on every machine.
SECONDS: dict[str, tuple[float, float, float]] = {
    "croston": (0.001, 0.0, 0.0),
    "tsb": (0.001, 0.0, 0.0),
    "ces": (0.01, 0.00005, 0.00012),
    "flair": (0.07, 0.0, 0.0),
    "dynamic_theta": (0.01, 0.0001, 0.00025),
    "theta": (0.02, 0.0002, 0.0005),
    "mstl": (0.02, 0.00015, 0.001),
    "ets": (0.02, 0.0003, 0.002),
    "arima": (0.1, 0.001, 0.005),
    "prophet": (0.3, 0.0005, 0.0005),
    "tbats": (5.0, 0.01, 0.02),
}
BUDGET: dict[Cost, float] = {"low": 600.0, "medium": 3000.0, "high": 40_000.0}  # seconds of one core for all local models
COSTLY: tuple[str, ...] = ("tbats",)  # compared with `cost: high` only, because it rarely pays


def candidates(
    cost: Cost, effort: Effort, recipe: Recipe, series: int, zeros: float = 0.0, *, folds: int = 8, steps: int = 10_000
) -> list[Candidate]:
    """Return the default candidates.

    Parameters
    ----------
    cost, effort
        `cost` sets the budget of the local models, which are fitted to each series from each origin; `effort` the number of
        trees and of training rows.
    recipe
        The recipe, whose seasons determine the length of the history that each local model is fitted on.
    series
        The number of series.
    zeros
        The share of values that are zero.
    folds
        The number of origins.
    steps
        The number of steps of the history.
    """
    local = [c for c in _local_models(recipe, zeros) if cost == "high" or c.kind not in COSTLY]
    return [
        *simple_candidates(recipe),
        *_affordable(local, recipe, series * folds, steps, BUDGET[cost]),
        *_boosting(cost, effort, recipe),
    ]


def simple_candidates(recipe: Recipe) -> list[Candidate]:
    """Return the candidates of which the best is the baseline: the last value, the last season of each length, and means of them."""
    seasons = [season for season in recipe.seasons if season > 1]
    simple = [Candidate(name="last value", kind="naive")]
    for season in seasons:
        name = recipe.step.season_name(season).removeprefix("a ")
        simple.append(Candidate(name=f"last {name}", kind="seasonal_naive", params={"season": season}))
    if seasons:
        simple.append(Candidate(name="mean of last value and seasons", kind="naive_mean"))
    for season in seasons:
        name = recipe.step.season_name(season).removeprefix("a ")
        simple.append(
            Candidate(
                name=f"mean {name}", kind="seasonal_mean", params={"seasons": 8 if season == seasons[0] else 4, "season": season}
            )
        )
    return simple or [Candidate(name="last value", kind="naive")]


def _local_models(recipe: Recipe, zeros: float) -> list[Candidate]:
    """Return the models that are fitted to each series, in the order of the leaderboard's ties."""
    season, shortest = recipe.season, recipe.seasons[0]
    recent = max((14 if shortest <= MAX_ETS_SEASON else 8) * shortest, 200)
    models = [
        Candidate(name="ETS", kind="ets", params={"history": recent}),
        Candidate(name="Theta", kind="theta", params={"history": recent}),
        Candidate(name="dynamic Theta", kind="dynamic_theta", params={"history": recent}),
        Candidate(name="CES", kind="ces", params={"history": recent}),
        Candidate(name="ARIMA", kind="arima", params={"history": max(4 * season, 200), "models": 20}),
        Candidate(name="Prophet", kind="prophet", params={"history": 9000}),
    ]
    if recipe.seasons != [1]:
        long = max(26 * season, 400) if season < 1000 else 4 * season
        models += [
            Candidate(name="MSTL, ETS", kind="mstl", params={"history": long, "trend": "ets"}),
            Candidate(name="MSTL, Theta", kind="mstl", params={"history": long, "trend": "theta"}),
            Candidate(name="TBATS", kind="tbats", params={"history": recent}),
        ]
    if flair_frequency(recipe.step):
        models.append(Candidate(name="FLAIR", kind="flair", params={"history": max(52 * season, 1000)}))
    if zeros >= INTERMITTENT:
        models += [
            Candidate(name="Croston", kind="croston", params={"history": max(8 * season, 365)}),
            Candidate(name="TSB", kind="tsb", params={"history": max(8 * season, 365), "alpha": 0.1}),
        ]
    return models


def seconds_of(kind: str, params: Mapping[str, Any], recipe: Recipe, steps: int) -> float:
    """Return the typical seconds of one fit of a local model to one series."""
    constant, plain, seasonal = SECONDS.get(kind, (0.0, 0.0, 0.0))
    history = min(int(params.get("history", 0)) or steps, steps)
    return constant + history * (seasonal if recipe.seasons != [1] else plain)


def _affordable(models: list[Candidate], recipe: Recipe, fits: int, steps: int, budget: float) -> list[Candidate]:
    """Return the models that fit into the budget, the cheapest first; the rest would take too long for so many fits."""
    costs = {model.name: fits * seconds_of(model.kind, model.params, recipe, steps) for model in models}
    kept, spent = set(), 0.0
    for name in sorted(costs, key=lambda name: (costs[name], name)):
        spent += costs[name]
        if spent <= budget:
            kept.add(name)
    return [model for model in models if model.name in kept]


def _boosting(cost: Cost, effort: Effort, recipe: Recipe) -> list[Candidate]:
    trees = effort.sizes["trees"]
    shared: dict[str, Any] = {
        "n_estimators": trees,
        "learning_rate": round(12 / trees, 4),
        "num_leaves": 31,
        "min_data_in_leaf": 40,
        "feature_fraction": 0.7,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "rows": effort.sizes["training rows"],
    }
    variants = {
        "boosting, level": ("level", "regression_l1"),
        "boosting, last value": ("last", "regression_l1"),
        "boosting, last season": ("season", "regression_l1"),
    }
    if cost != "low":
        variants["boosting, squared error"] = ("last", "regression")
    models = [
        Candidate(name=name, kind="boosting", params={"reference": reference, "objective": objective, **shared})
        for name, (reference, objective) in variants.items()
        if recipe.seasons != [1] or reference != "season"
    ]
    if recipe.horizon > recipe.seasons[0] > 1:
        models.append(Candidate(name="boosting, recursive", kind="boosting", params={**models[0].params, "method": "recursive"}))
    return models


HISTORY: Space = {"history": [100, 200, 400, 800, 1600]}
SPACES: dict[str, Space] = {
    "ets": HISTORY,
    "theta": HISTORY,
    "dynamic_theta": HISTORY,
    "ces": HISTORY,
    "flair": {"history": [200, 400, 1000, 3000, 9000]},
    "mstl": {"history": [200, 400, 1600, 4400], "trend": ["ets", "theta"]},
    "arima": {"history": [100, 200, 400], "models": [20, 40]},
    "tsb": {"alpha": {"low": 0.01, "high": 0.5, "log": True}},
    "prophet": {
        "changepoint_prior_scale": {"low": 0.005, "high": 0.5, "log": True},
        "seasonality_prior_scale": {"low": 0.1, "high": 20.0, "log": True},
        "seasonality_mode": ["additive", "multiplicative"],
    },
    "boosting": {
        "n_estimators": {"low": 100, "high": 500, "step": 50},
        "learning_rate": {"low": 0.02, "high": 0.2, "log": True},
        "num_leaves": {"low": 7, "high": 127, "log": True},
        "min_data_in_leaf": {"low": 10, "high": 200, "log": True},
        "feature_fraction": {"low": 0.4, "high": 1.0},
        "lambda_l2": {"low": 0.01, "high": 30.0, "log": True},
        "most_lags": {"low": 1, "high": 4},
        "reference": ["level", "last", "season", "longest season"],
        "objective": ["regression", "regression_l1"],
    },
}


def search_space(kind: str, cost: Cost, effort: Effort, recipe: Recipe, fits: int) -> Space:
    """Return the search space of a kind; empty where its trials would take longer than the budget of the local models."""
    space = SPACES.get(kind, {})
    longest = max([int(value) for value in space.get("history", [1000])]) if space else 0
    if kind in SECONDS and fits * effort.trials * seconds_of(kind, {}, recipe, longest) > BUDGET[cost]:
        return {}
    return space
