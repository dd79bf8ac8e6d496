"""What is tried, and how much: counted, never timed."""

from typing import Any

from glassbox.families.forecasting.recipe import Recipe
from glassbox.families.shared.candidates import Candidate
from glassbox.request.model import Cost

TREES = {"low": 150, "medium": 300, "high": 600}
ROWS = {"low": 100_000, "medium": 300_000, "high": 1_000_000}  # that boosting learns from
TRIALS = {"low": 5, "medium": 15, "high": 40}
MANY = 50  # series: from so many on, models that are slow for each are left to `cost: high`
INTERMITTENT = 0.3  # of all values are zero: methods for intermittent demand are tried too


def candidates(cost: Cost, recipe: Recipe, series: int, zeros: float = 0.0) -> list[Candidate]:
    """What is tried when nobody says otherwise.

    Parameters
    ----------
    cost
        How many trees, on how many rows; with many series, `low` and `medium` leave out ARIMA, MSTL and Prophet, which are
        fitted to each.
    recipe
        The seasons say how much history each local model is given.
    series
        How many there are.
    zeros
        The share of values that are zero.
    """
    trees, season = TREES[cost], recipe.season
    boosted: dict[str, Any] = {
        "n_estimators": trees,
        "learning_rate": round(12 / trees, 4),
        "num_leaves": 31,
        "min_data_in_leaf": 40,
        "feature_fraction": 0.7,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "rows": ROWS[cost],
    }
    weeks = 8 * season if season > 1 else 200
    found = [
        Candidate(name="naive", kind="naive"),
        Candidate(name="seasonal naive", kind="seasonal_naive"),
        Candidate(name="seasonal mean", kind="seasonal_mean", params={"seasons": 8}),
        Candidate(name="ETS", kind="ets", params={"history": max(weeks, 200)}),
        Candidate(name="Theta", kind="theta", params={"history": max(weeks, 200)}),
    ]
    if zeros >= INTERMITTENT:
        found.append(Candidate(name="Croston", kind="croston", params={"history": max(weeks, 365)}))
    if series < MANY or cost == "high":
        found += [
            Candidate(name="ARIMA", kind="arima", params={"history": max(4 * season, 200), "models": 20}),
            Candidate(name="MSTL", kind="mstl", params={"history": max(26 * season, 400) if season < 1000 else 4 * season}),
            Candidate(name="Prophet", kind="prophet", params={"history": 9000}),
        ]
    found.append(Candidate(name="boosting, direct", kind="boosting", params={"method": "direct", **boosted}))
    if recipe.horizon > recipe.seasons[0] and (series < MANY or cost != "low"):
        found.append(Candidate(name="boosting, recursive", kind="boosting", params={"method": "recursive", **boosted}))
    return found
