"""Default candidates and search spaces for tables."""

from glassbox.families.protocol import Effort, Space
from glassbox.families.shared.candidates import Candidate


def candidates(effort: Effort) -> list[Candidate]:
    """Return the default candidates, from a model that ignores the features to boosted trees.

    Boosting uses shallow trees and a low learning rate, which suits tables of a few thousand rows better than the libraries'
    own defaults; `effort` sets the number of trees.
    """
    trees = effort.sizes["trees"]
    boosted = {"n_estimators": trees, "learning_rate": round(10 / trees, 4)}
    return [
        Candidate(name="dummy", kind="dummy"),
        Candidate(name="logistic regression", kind="logistic_regression", params={"C": 1.0}),
        Candidate(name="random forest", kind="random_forest", params={"n_estimators": trees, "min_samples_leaf": 5}),
        Candidate(name="XGBoost", kind="xgboost", params={**boosted, "max_depth": 4, "subsample": 0.8, "colsample_bytree": 0.8}),
        Candidate(
            name="LightGBM",
            kind="lightgbm",
            params={**boosted, "num_leaves": 15, "bagging_fraction": 0.8, "bagging_freq": 1, "feature_fraction": 0.8},
        ),
    ]


SPACES: dict[str, Space] = {
    "logistic_regression": {"C": {"low": 0.001, "high": 100.0, "log": True}, "class_weight": [None, "balanced"]},
    "random_forest": {
        "max_features": {"low": 0.1, "high": 0.8},
        "min_samples_leaf": {"low": 1, "high": 60, "log": True},
        "max_depth": {"low": 4, "high": 24},
    },
    "xgboost": {
        "n_estimators": {"low": 100, "high": 500, "step": 50},
        "learning_rate": {"low": 0.01, "high": 0.2, "log": True},
        "max_depth": {"low": 2, "high": 7},
        "min_child_weight": {"low": 1.0, "high": 30.0, "log": True},
        "subsample": {"low": 0.5, "high": 1.0},
        "colsample_bytree": {"low": 0.4, "high": 1.0},
        "reg_lambda": {"low": 0.1, "high": 30.0, "log": True},
    },
    "lightgbm": {
        "n_estimators": {"low": 100, "high": 500, "step": 50},
        "learning_rate": {"low": 0.01, "high": 0.2, "log": True},
        "num_leaves": {"low": 3, "high": 63, "log": True},
        "min_data_in_leaf": {"low": 5, "high": 100, "log": True},
        "bagging_fraction": {"low": 0.5, "high": 1.0},
        "feature_fraction": {"low": 0.4, "high": 1.0},
        "lambda_l2": {"low": 0.01, "high": 30.0, "log": True},
    },
}
