"""The kinds of model: how each is fitted, asked, saved in the library's own format, and loaded.

A new kind is one row in `KINDS`. Models speak of a matrix of floats and of classes by number; rows, columns and names are
the predictor's.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt

from glassbox.errors import GlassboxError
from glassbox.families.registry import kind_in
from glassbox.families.shared import skops_io

Floats = npt.NDArray[np.float64]
TREE = "sklearn.tree._tree.Tree"  # trusted because what it holds is checked before it is used
Codes = npt.NDArray[np.int64]


class Model(Protocol):
    """A fitted model."""

    @property
    def native(self) -> Any:
        """The library's own object, for explanations."""
        ...

    def proba(self, matrix: Floats) -> Floats:
        """Probabilities of shape (rows, classes)."""
        ...

    def save(self, folder: Path) -> None:
        """Write the model into `folder`: the same fit gives the same bytes."""
        ...


@dataclass(frozen=True)
class Fitting:
    """What is asked of a fit besides data: hyperparameters, how many classes, the seed, and the threads of this fit."""

    params: Mapping[str, Any]
    classes: int
    seed: int
    threads: int


@dataclass(frozen=True)
class Kind:
    """One kind of model.

    `complexity` orders kinds for the question which is the simplest; `linear` asks the recipe to scale; `learns` is
    False for what looks at no column; `searched` says that it may be tuned.
    """

    fit: Callable[[Floats, Codes, Fitting], Model]
    load: Callable[[Path], Model]
    complexity: int
    linear: bool = False
    learns: bool = True
    searched: bool = True


# ------------------------------------------------------------------------------------------------------ scikit-learn


@dataclass(frozen=True)
class SklearnModel:
    """An estimator of scikit-learn; classes that it never saw have probability 0."""

    native: Any
    classes: int

    def proba(self, matrix: Floats) -> Floats:
        found = np.zeros((len(matrix), self.classes))
        found[:, self.native.classes_] = self.native.predict_proba(matrix)
        return found

    def save(self, folder: Path) -> None:
        skops_io.dump({"estimator": self.native, "classes": self.classes}, folder / "model.skops")


def _load_sklearn(folder: Path) -> SklearnModel:
    path = folder / "model.skops"
    found = skops_io.load(path, [TREE])
    for tree in getattr(found["estimator"], "estimators_", []):
        _check_tree(tree.tree_, path)
    return SklearnModel(found["estimator"], found["classes"])


def _check_tree(tree: Any, path: Path) -> None:
    """Refuse a tree that would walk out of its own memory: scikit-learn follows the numbers in it without a look."""
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
        raise GlassboxError(f"{path.name}: a tree in it points outside of itself; the file was damaged or tampered with.")


def _fit_dummy(matrix: Floats, y: Codes, asked: Fitting) -> SklearnModel:
    from sklearn.dummy import DummyClassifier

    return SklearnModel(DummyClassifier(**{"strategy": "prior", **asked.params}).fit(matrix, y), asked.classes)


def _fit_logistic_regression(matrix: Floats, y: Codes, asked: Fitting) -> SklearnModel:
    from sklearn.linear_model import LogisticRegression

    model = LogisticRegression(**{"max_iter": 2000, "random_state": asked.seed, **asked.params})
    return SklearnModel(model.fit(matrix, y), asked.classes)


def _fit_random_forest(matrix: Floats, y: Codes, asked: Fitting) -> SklearnModel:
    from sklearn.ensemble import RandomForestClassifier

    model = RandomForestClassifier(**{"random_state": asked.seed, **asked.params}, n_jobs=asked.threads).fit(matrix, y)
    # Threads add up the votes in the order in which they end: other last digits each time. One thread has one order.
    return SklearnModel(model.set_params(n_jobs=1), asked.classes)


# ------------------------------------------------------------------------------------------------------------ XGBoost


@dataclass(frozen=True)
class XGBoostModel:
    """A booster of XGBoost."""

    native: Any

    def proba(self, matrix: Floats) -> Floats:
        found = np.asarray(self.native.inplace_predict(matrix), dtype=np.float64)
        return _two_columns(found) if found.ndim == 1 else _normalised(found)

    def save(self, folder: Path) -> None:
        self.native.save_model(folder / "model.ubj")


def _load_xgboost(folder: Path) -> XGBoostModel:
    import xgboost

    booster = xgboost.Booster()
    booster.load_model(folder / "model.ubj")
    booster.set_param({"nthread": 1})
    return XGBoostModel(booster)


def _fit_xgboost(matrix: Floats, y: Codes, asked: Fitting) -> XGBoostModel:
    import xgboost

    params = dict(asked.params)
    rounds = int(params.pop("n_estimators", 100))
    task = {"objective": "binary:logistic"} if asked.classes == 2 else {"objective": "multi:softprob", "num_class": asked.classes}
    fixed = {"tree_method": "hist", "nthread": asked.threads, "seed": asked.seed, "verbosity": 0}
    booster = xgboost.train(
        {**fixed, **task, **params}, xgboost.DMatrix(matrix, label=y, nthread=asked.threads), num_boost_round=rounds
    )
    booster.set_param({"nthread": 1})
    return XGBoostModel(booster)


# ----------------------------------------------------------------------------------------------------------- LightGBM


@dataclass(frozen=True)
class LightGBMModel:
    """A booster of LightGBM."""

    native: Any

    def proba(self, matrix: Floats) -> Floats:
        found = np.asarray(self.native.predict(matrix, num_threads=1), dtype=np.float64)
        return _two_columns(found) if found.ndim == 1 else _normalised(found)

    def save(self, folder: Path) -> None:
        (folder / "model.txt").write_text(self.native.model_to_string(), encoding="utf-8", newline="\n")


def _load_lightgbm(folder: Path) -> LightGBMModel:
    import lightgbm

    return LightGBMModel(lightgbm.Booster(model_str=(folder / "model.txt").read_text(encoding="utf-8")))


def _fit_lightgbm(matrix: Floats, y: Codes, asked: Fitting) -> LightGBMModel:
    import lightgbm

    params = dict(asked.params)
    rounds = int(params.pop("n_estimators", 100))
    task = {"objective": "binary"} if asked.classes == 2 else {"objective": "multiclass", "num_class": asked.classes}
    fixed = {"deterministic": True, "force_row_wise": True, "num_threads": asked.threads, "seed": asked.seed, "verbosity": -1}
    data = lightgbm.Dataset(matrix, label=y, params={"verbosity": -1})
    booster = lightgbm.train({**fixed, **task, **params}, data, num_boost_round=rounds)
    # Through its text form, as it will be served: text rounds some numbers, and both must give the same predictions.
    return LightGBMModel(lightgbm.Booster(model_str=booster.model_to_string()))


def _two_columns(positive: Floats) -> Floats:
    return np.column_stack([1.0 - positive, positive])


def _normalised(proba: Floats) -> Floats:
    """Rows that add up to 1 in double precision; the libraries' do in single."""
    return cast(Floats, proba / proba.sum(axis=1, keepdims=True))


KINDS: dict[str, Kind] = {
    "dummy": Kind(_fit_dummy, _load_sklearn, complexity=0, learns=False),
    "logistic_regression": Kind(_fit_logistic_regression, _load_sklearn, complexity=1, linear=True),
    "random_forest": Kind(_fit_random_forest, _load_sklearn, complexity=2),
    "lightgbm": Kind(_fit_lightgbm, _load_lightgbm, complexity=3),
    "xgboost": Kind(_fit_xgboost, _load_xgboost, complexity=3),
}


def kind_of(name: str) -> Kind:
    """The kind of that name; a name that is none is an error that lists them."""
    return kind_in(KINDS, name)
