"""What is tried: candidates as plain values, and the spaces that tuning searches."""

from glassbox.families.shared.candidates import Candidate
from glassbox.request.model import Cost

# Counted, never timed: a slower machine gives the same answer later.
TREES = {"low": 200, "medium": 400, "high": 800}
TRIALS = {"low": 12, "medium": 40, "high": 120}


def candidates(cost: Cost) -> list[Candidate]:
    """What is tried when nobody says otherwise: from a model that looks at nothing to boosted trees.

    Boosted trees learn slowly with shallow trees, which serves tables of a few thousand rows better than the libraries' own
    defaults; `cost` decides how many trees.
    """
    trees = TREES[cost]
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
