"""The kinds of tabular model, with the functions that fit and load them; models are saved in the native format of their library.

A new kind is one row in `KINDS`. Models take a matrix of floats and class codes; the predictor handles rows, columns and names.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt

from glassbox.errors import GlassboxError
from glassbox.families.classification import baseline_and_ensemble
from glassbox.families.registry import ModelSpec, Registry
from glassbox.families.shared import skops_io
from glassbox.files import write_text

Floats = npt.NDArray[np.float64]
TREE = "sklearn.tree._tree.Tree"  # trusted because its content is checked before use
Codes = npt.NDArray[np.int64]


class Model(Protocol):
    """A fitted model."""

    @property
    def native(self) -> Any:
        """The native object of the library, for explanations."""
        ...

    def proba(self, matrix: Floats) -> Floats:
        """Return probabilities of shape (rows, classes)."""
        ...

    def save(self, folder: Path) -> None:
        """Write the model to `folder`; equal fits give equal bytes."""
        ...


@dataclass(frozen=True)
class Fitting:
    """The settings of a fit: hyperparameters, number of classes, seed and threads."""

    params: Mapping[str, Any]
    classes: int
    seed: int
    threads: int


TabularSpec = ModelSpec[Callable[[Floats, Codes, Fitting], Model], Callable[[Path], Model]]


# ------------------------------------------------------------------------------------------------------ scikit-learn


@dataclass(frozen=True)
class SklearnModel:
    """A scikit-learn estimator; classes that are absent from its training data have probability 0."""

    native: Any
    classes: int

    def proba(self, matrix: Floats) -> Floats:
        proba = np.zeros((len(matrix), self.classes))
        proba[:, self.native.classes_] = self.native.predict_proba(matrix)
        return proba

    def save(self, folder: Path) -> None:
        skops_io.dump({"estimator": self.native, "classes": self.classes}, folder / "model.skops")


def _load_sklearn(folder: Path) -> SklearnModel:
    path = folder / "model.skops"
    saved = skops_io.load(path, [TREE])
    for tree in getattr(saved["estimator"], "estimators_", []):
        _check_tree(tree.tree_, path)
    return SklearnModel(saved["estimator"], saved["classes"])


def _check_tree(tree: Any, path: Path) -> None:
    """Reject a tree with invalid node indices, which scikit-learn would follow out of bounds without a check."""
    left, right, feature = tree.children_left, tree.children_right, tree.feature
    inner, at = left != -1, np.arange(tree.node_count)
    sound = (
        (left > at)
        & (left < tree.node_count)
        & (right > at)
        & (right < tree.node_count)
        & (feature >= 0)
        & (feature < tree.n_features)
    )
    if not (sound[inner].all() and (right[~inner] == -1).all()):
        raise GlassboxError(
            f"{path.name}: a tree has a node index that points outside of it; the file is damaged or was tampered with. Train the model again."
        )


def _fit_dummy(matrix: Floats, y: Codes, fitting: Fitting) -> SklearnModel:
    from sklearn.dummy import DummyClassifier

    return SklearnModel(DummyClassifier(**{"strategy": "prior", **fitting.params}).fit(matrix, y), fitting.classes)


def _fit_logistic_regression(matrix: Floats, y: Codes, fitting: Fitting) -> SklearnModel:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(**{"max_iter": 2000, "random_state": fitting.seed, **fitting.params})
    return SklearnModel(model.fit(matrix, y), fitting.classes)


def _fit_random_forest(matrix: Floats, y: Codes, fitting: Fitting) -> SklearnModel:
    from sklearn.ensemble import RandomForestClassifier

    model = RandomForestClassifier(**{"random_state": fitting.seed, **fitting.params}, n_jobs=fitting.threads).fit(matrix, y)
    # Threads add votes in the order in which they finish, which changes the last digits; one thread has a fixed order.
    return SklearnModel(model.set_params(n_jobs=1), fitting.classes)


# ------------------------------------------------------------------------------------------------------------ XGBoost


@dataclass(frozen=True)
class XGBoostModel:
    """An XGBoost booster."""

    native: Any

    def proba(self, matrix: Floats) -> Floats:
        proba = np.asarray(self.native.inplace_predict(matrix), dtype=np.float64)
        return _two_columns(proba) if proba.ndim == 1 else _normalised(proba)

    def save(self, folder: Path) -> None:
        self.native.save_model(folder / "model.ubj")


def _load_xgboost(folder: Path) -> XGBoostModel:
    import xgboost

    booster = xgboost.Booster()
    booster.load_model(folder / "model.ubj")
    booster.set_param({"nthread": 1})
    return XGBoostModel(booster)


def _fit_xgboost(matrix: Floats, y: Codes, fitting: Fitting) -> XGBoostModel:
    import xgboost

    params = dict(fitting.params)
    rounds = int(params.pop("n_estimators", 100))
    task = (
        {"objective": "binary:logistic"}
        if fitting.classes == 2
        else {"objective": "multi:softprob", "num_class": fitting.classes}
    )
    fixed = {"tree_method": "hist", "nthread": fitting.threads, "seed": fitting.seed, "verbosity": 0}
    booster = xgboost.train(
        {**fixed, **task, **params}, xgboost.DMatrix(matrix, label=y, nthread=fitting.threads), num_boost_round=rounds
    )
    booster.set_param({"nthread": 1})
    return XGBoostModel(booster)


# ----------------------------------------------------------------------------------------------------------- LightGBM


@dataclass(frozen=True)
class LightGBMModel:
    """A LightGBM booster."""

    native: Any

    def proba(self, matrix: Floats) -> Floats:
        proba = np.asarray(self.native.predict(matrix, num_threads=1), dtype=np.float64)
        return _two_columns(proba) if proba.ndim == 1 else _normalised(proba)

    def save(self, folder: Path) -> None:
        write_text(folder / "model.txt", self.native.model_to_string())


def _load_lightgbm(folder: Path) -> LightGBMModel:
    import lightgbm

    return LightGBMModel(lightgbm.Booster(model_str=(folder / "model.txt").read_text(encoding="utf-8")))


def _fit_lightgbm(matrix: Floats, y: Codes, fitting: Fitting) -> LightGBMModel:
    import lightgbm

    params = dict(fitting.params)
    rounds = int(params.pop("n_estimators", 100))
    task = {"objective": "binary"} if fitting.classes == 2 else {"objective": "multiclass", "num_class": fitting.classes}
    fixed = {"deterministic": True, "force_row_wise": True, "num_threads": fitting.threads, "seed": fitting.seed, "verbosity": -1}
    data = lightgbm.Dataset(matrix, label=y, params={"verbosity": -1})
    booster = lightgbm.train({**fixed, **task, **params}, data, num_boost_round=rounds)
    # The text format rounds some numbers; loading it here gives the same predictions as the saved model.
    return LightGBMModel(lightgbm.Booster(model_str=booster.model_to_string()))


def _two_columns(positive: Floats) -> Floats:
    return np.column_stack([1.0 - positive, positive])


def _normalised(proba: Floats) -> Floats:
    """Normalise rows to sum to 1 in double precision; the libraries compute them in single precision."""
    return cast(Floats, proba / proba.sum(axis=1, keepdims=True))


# ---------------------------------------------------------------------------------------------------------- ensemble


@dataclass(frozen=True)
class Ensemble(baseline_and_ensemble.Ensemble):
    """A weighted ensemble of tabular models on the same features."""

    @property
    def native(self) -> list[Any]:
        return [member.native for member in self.members]


def _fit_ensemble(matrix: Floats, y: Codes, fitting: Fitting) -> Ensemble:
    members = fitting.params["members"]
    return Ensemble.of(members, [KINDS[m["kind"]].fit(matrix, y, replace(fitting, params=m["params"])) for m in members])


def _load_ensemble(folder: Path) -> Ensemble:
    return Ensemble.load(folder, lambda kind, member: KINDS[kind].load(member))


KINDS: Registry[TabularSpec] = Registry(
    dummy=TabularSpec(_fit_dummy, _load_sklearn, 0, learns=False),
    logistic_regression=TabularSpec(_fit_logistic_regression, _load_sklearn, 1, searched=True),
    random_forest=TabularSpec(_fit_random_forest, _load_sklearn, 2, searched=True),
    lightgbm=TabularSpec(_fit_lightgbm, _load_lightgbm, 3, searched=True),
    xgboost=TabularSpec(_fit_xgboost, _load_xgboost, 3, searched=True),
    ensemble=TabularSpec(_fit_ensemble, _load_ensemble, 4),
)
