"""Default candidates and search spaces for forecasting."""

from typing import Any

from glassbox.families.forecasting.recipe import Recipe
from glassbox.families.protocol import Effort, Space
from glassbox.families.shared.candidates import Candidate
from glassbox.request.model import Cost

MANY = 50  # series: from this number on, slow local models are compared with `cost: high` only
INTERMITTENT = 0.3  # share of zeros from which methods for intermittent demand are compared


def candidates(cost: Cost, effort: Effort, recipe: Recipe, series: int, zeros: float = 0.0) -> list[Candidate]:
    """Return the default candidates.

    Parameters
    ----------
    cost, effort
        With many series, `low` and `medium` omit ARIMA, MSTL and Prophet, which are fitted to each series; `effort` sets the
        number of trees and of training rows.
    recipe
        The recipe, whose seasons determine the length of the history that each local model is fitted on.
    series
        The number of series.
    zeros
        The share of values that are zero.
    """
    trees, season = effort.sizes["trees"], recipe.season
    boosted: dict[str, Any] = {
        "n_estimators": trees,
        "learning_rate": round(12 / trees, 4),
        "num_leaves": 31,
        "min_data_in_leaf": 40,
        "feature_fraction": 0.7,
        "bagging_fraction": 0.8,
        "bagging_freq": 1,
        "rows": effort.sizes["training rows"],
    }
    weeks = 8 * season if season > 1 else 200
    defaults = [
        Candidate(name="naive", kind="naive"),
        Candidate(name="seasonal naive", kind="seasonal_naive"),
        Candidate(name="seasonal mean", kind="seasonal_mean", params={"seasons": 8}),
        Candidate(name="ETS", kind="ets", params={"history": max(weeks, 200)}),
        Candidate(name="Theta", kind="theta", params={"history": max(weeks, 200)}),
    ]
    if zeros >= INTERMITTENT:
        defaults.append(Candidate(name="Croston", kind="croston", params={"history": max(weeks, 365)}))
    if series < MANY or cost == "high":
        defaults += [
            Candidate(name="ARIMA", kind="arima", params={"history": max(4 * season, 200), "models": 20}),
            Candidate(name="MSTL", kind="mstl", params={"history": max(26 * season, 400) if season < 1000 else 4 * season}),
            Candidate(name="Prophet", kind="prophet", params={"history": 9000}),
        ]
    defaults.append(Candidate(name="boosting, direct", kind="boosting", params={"method": "direct", **boosted}))
    if recipe.horizon > recipe.seasons[0] and (series < MANY or cost != "low"):
        defaults.append(Candidate(name="boosting, recursive", kind="boosting", params={"method": "recursive", **boosted}))
    return defaults


SPACES: dict[str, Space] = {
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
    },
}
