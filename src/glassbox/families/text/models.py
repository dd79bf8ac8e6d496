"""The kinds of model of texts: how each is fitted, asked, saved without pickle, and loaded.

A new kind is one row in `KINDS`. Models speak of views of a corpus and of classes by number.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.sparse as sp

from glassbox.errors import GlassboxError
from glassbox.families.text.corpus import Floats, Grams, View, Vocabulary
from glassbox.files import read_json, read_parquet, write_bytes, write_json, write_parquet

Codes = npt.NDArray[np.int64]
Singles = npt.NDArray[np.float32]
MOST_TERMS = 1_000_000
TEMPERATURES = np.exp(np.linspace(np.log(0.05), np.log(20.0), 240))


class Model(Protocol):
    """A fitted model of texts."""

    def proba(self, view: View) -> Floats:
        """Probabilities of shape (rows, classes)."""
        ...

    def save(self, folder: Path) -> None:
        """Write the model into `folder`: the same fit gives the same bytes."""
        ...


@dataclass(frozen=True)
class Fitting:
    """What is asked of a fit besides texts: hyperparameters, how many classes, seed, threads, where the encoder lies,
    and how many copies (with its varied twins) of each row there are."""

    params: Mapping[str, Any]
    classes: int
    seed: int
    threads: int
    weights: Path | None = None
    copies: int = 1

    def c(self, default: float) -> float:
        """The inverse strength of regularisation: with copies of each row, a row still weighs one."""
        return float(self.params.get("C", default)) / self.copies


@dataclass(frozen=True)
class Kind:
    """One kind of model; `complexity` orders kinds for the question which is the simplest, `encodes` asks for the encoder."""

    fit: Callable[[View, Codes, Fitting], Model]
    load: Callable[[Path], Model]
    complexity: int
    learns: bool = True
    searched: bool = True
    encodes: bool = False


# ----------------------------------------------------------------------------------------------------------- majority


@dataclass(frozen=True)
class Majority:
    """Says the same of every text: the shares of the classes in train."""

    shares: Floats

    def proba(self, view: View) -> Floats:
        return np.tile(self.shares, (len(view), 1))

    def save(self, folder: Path) -> None:
        write_array(folder / "shares.npy", self.shares)


def _fit_majority(view: View, y: Codes, asked: Fitting) -> Majority:
    return Majority(np.bincount(y, minlength=asked.classes) / len(y))


# ------------------------------------------------------------------------------------------------------------- linear


@dataclass(frozen=True)
class Head:
    """A linear head: scores are ``x @ weights + bias``, which `link` turns into probabilities.

    Of two classes there is one score; `link` is ``softmax`` (with the scores divided by `temperature`) or ``each``: a sigmoid a
    class, brought to a sum of one.
    """

    weights: Singles
    bias: Singles
    link: str = "softmax"
    temperature: float = 1.0

    def scores(self, x: Any) -> Floats:
        """(rows, scores)."""
        return np.asarray(x @ self.weights.astype(np.float64), dtype=np.float64) + self.bias.astype(np.float64)

    def proba(self, x: Any) -> Floats:
        scores = self.scores(x) / self.temperature
        if scores.shape[1] == 1:
            positive = 1 / (1 + np.exp(-np.clip(scores[:, 0], -500, 500)))
            return np.column_stack([1 - positive, positive])
        if self.link == "each":
            each = 1 / (1 + np.exp(-np.clip(scores, -500, 500)))
            return cast(Floats, each / np.maximum(each.sum(axis=1, keepdims=True), 1e-12))
        return softmax(scores)

    def save(self, folder: Path) -> None:
        write_array(folder / "weights.npy", self.weights)
        write_array(folder / "bias.npy", self.bias)
        write_json(folder / "head.json", {"link": self.link, "temperature": self.temperature})

    @classmethod
    def load(cls, folder: Path) -> "Head":
        told = read_json(folder / "head.json")
        return cls(read_array(folder / "weights.npy"), read_array(folder / "bias.npy"), told["link"], told["temperature"])


def softmax(scores: Floats) -> Floats:
    """Each row's scores as probabilities."""
    raised = np.exp(scores - scores.max(axis=1, keepdims=True))
    return cast(Floats, raised / raised.sum(axis=1, keepdims=True))


def logistic(x: Any, y: Codes, classes: int, *, c: float, seed: int) -> Head:
    """Logistic regression; classes that no row has get a score that is never the highest."""
    from sklearn.linear_model import LogisticRegression

    binary = classes == 2
    model = LogisticRegression(C=c, max_iter=1000, random_state=seed, solver="liblinear" if binary else "lbfgs")
    model.fit(x, y)
    return _spread(model.coef_, model.intercept_, model.classes_, classes)


def support_vectors(x: Any, y: Codes, classes: int, *, c: float, seed: int) -> Head:
    """A linear support vector machine, one against the rest; its scores become probabilities by a temperature.

    The temperature is that of least log loss (Guo et al. 2017, sec. 4.2) on every fifth row, for a machine that had not seen it.
    """
    from sklearn.svm import LinearSVC

    def machine(rows: Any) -> Head:
        found = LinearSVC(C=c, random_state=seed).fit(x[rows], y[rows])
        return _spread(found.coef_, found.intercept_, found.classes_, classes)

    judged = np.arange(len(y)) % 5 == 0
    temperature = 1.0
    if len(np.unique(y[~judged])) == len(np.unique(y)):
        scores = machine(~judged).scores(x[judged])
        temperature = _coolest(scores, y[judged])
    whole = machine(np.ones(len(y), dtype=bool))
    return Head(whole.weights, whole.bias, "softmax", temperature)


def _coolest(scores: Floats, y: Codes) -> float:
    losses = []
    for temperature in TEMPERATURES:
        proba = Head(
            np.eye(scores.shape[1], dtype=np.float32), np.zeros(scores.shape[1], np.float32), "softmax", float(temperature)
        )
        found = proba.proba(scores)[np.arange(len(y)), y]
        losses.append(float(-np.log(np.maximum(found, 1e-12)).mean()))
    return float(TEMPERATURES[int(np.argmin(losses))])


def _spread(coef: Floats, intercept: Floats, seen: Codes, classes: int) -> Head:
    """Weights of the classes that were seen in the places of all classes."""
    if len(seen) == 2 and classes == 2:
        return Head(coef.T.astype(np.float32), intercept.astype(np.float32))
    weights, bias = np.zeros((coef.shape[1], classes)), np.full(classes, -50.0)
    if len(seen) == 2:  # of more, only two were seen: one score tells them apart
        coef, intercept = np.vstack([-coef[0] / 2, coef[0] / 2]), np.array([-intercept[0] / 2, intercept[0] / 2])
    weights[:, seen], bias[seen] = coef.T, intercept
    return Head(weights.astype(np.float32), bias.astype(np.float32))


# ----------------------------------------------------------------------------------------------------- n-grams, TF-IDF


@dataclass(frozen=True)
class TermModel:
    """A linear head on n-grams: their TF-IDF (`idf` given), or whether they are there at all (`idf` None)."""

    vocabulary: Vocabulary
    idf: Singles | None
    head: Head

    def matrix(self, counts: Any) -> Any:
        return present(counts) if self.idf is None else tf_idf(counts, self.idf)

    def proba(self, view: View) -> Floats:
        return self.head.proba(self.matrix(view.counts(self.vocabulary)))

    def save(self, folder: Path) -> None:
        grams = self.vocabulary.grams
        write_json(folder / "grams.json", {"unit": grams.unit, "low": grams.low, "high": grams.high})
        write_parquet(folder / "terms.parquet", pd.DataFrame({"term": pd.array(self.vocabulary.terms, dtype=object)}))
        if self.idf is not None:
            write_array(folder / "idf.npy", self.idf)
        self.head.save(folder)


def _load_terms(folder: Path) -> TermModel:
    vocabulary = Vocabulary(Grams(**read_json(folder / "grams.json")), read_parquet(folder / "terms.parquet")["term"].tolist())
    idf = read_array(folder / "idf.npy") if (folder / "idf.npy").is_file() else None
    return TermModel(vocabulary, idf, Head.load(folder))


def tf_idf(counts: Any, idf: Singles) -> Any:
    """Rows of length one of ``(1 + ln tf) * idf`` (Manning, Raghavan and Schütze 2008, sec. 6.4.1)."""
    found = sp.csr_matrix(counts, dtype=np.float64, copy=True)
    np.log(found.data, out=found.data)
    found.data += 1
    found = found.multiply(idf.astype(np.float64)[None, :]).tocsr()
    length = np.sqrt(np.asarray(found.multiply(found).sum(axis=1)).ravel())
    return sp.diags(1 / np.where(length == 0, 1.0, length)) @ found


def inverse_frequency(counts: Any) -> Singles:
    """``ln((1 + n) / (1 + df)) + 1``: smoothed, as scikit-learn has it."""
    rows = np.bincount(counts.indices, minlength=counts.shape[1])
    return np.asarray(np.log((1 + counts.shape[0]) / (1 + rows)) + 1, dtype=np.float32)


def present(counts: Any) -> Any:
    """1 where an n-gram is there."""
    found = sp.csr_matrix(counts, dtype=np.float64, copy=True)
    found.data[:] = 1.0
    return found


def _tf_idf_model(unit: str, low: int, high: int) -> Callable[[View, Codes, Fitting], TermModel]:
    def fit(view: View, y: Codes, asked: Fitting) -> TermModel:
        params = {"head": "logistic", "ngrams": [low, high], "min_rows": 2, "most_terms": MOST_TERMS, **asked.params}
        first, last = params["ngrams"] if isinstance(params["ngrams"], list | tuple) else (1, params["ngrams"])
        grams = Grams("words" if unit == "words" else "characters", int(first), int(last))
        vocabulary, counts = view.learn(grams, params["min_rows"], params["most_terms"])
        idf = inverse_frequency(counts)
        if not vocabulary.terms:
            raise GlassboxError("no n-gram stands in enough texts to be learnt")
        head = {"logistic": logistic, "svm": support_vectors}[params["head"]]
        return TermModel(vocabulary, idf, head(tf_idf(counts, idf), y, asked.classes, c=asked.c(10.0), seed=asked.seed))

    return fit


# ------------------------------------------------------------------------------------------------------------- NB-SVM


def log_count_ratio(x: Any, hit: npt.NDArray[np.bool_], alpha: float) -> Floats:
    """``ln((p / |p|) / (q / |q|))`` with ``p = alpha + sum of rows of the class``: Wang and Manning (2012), eq. 4.

    >>> x = sp.csr_matrix([[1.0, 0.0], [0.0, 1.0]])
    >>> log_count_ratio(x, np.array([True, False]), 1.0).round(3).tolist()
    [0.693, -0.693]
    """
    p = alpha + np.asarray(x[hit].sum(axis=0)).ravel()
    q = alpha + np.asarray(x[~hit].sum(axis=0)).ravel()
    return np.asarray(np.log((p / p.sum()) / (q / q.sum())), dtype=np.float64)


def _fit_naive_bayes_linear(view: View, y: Codes, asked: Fitting) -> TermModel:
    """A linear classifier on presence times log-count ratio (Wang and Manning 2012, sec. 2.3), one against the rest.

    `beta` mixes its weights with their mean size (eq. 6): 1 leaves them, 0 is naive Bayes. The linear part is a logistic regression,
    so that scores are log-odds.
    """
    from sklearn.linear_model import LogisticRegression

    params = {"alpha": 1.0, "beta": 1.0, "ngrams": [1, 3], "min_rows": 3, "most_terms": MOST_TERMS, **asked.params}
    first, last = params["ngrams"] if isinstance(params["ngrams"], list | tuple) else (1, params["ngrams"])
    vocabulary, counts = view.learn(Grams("words", int(first), int(last)), params["min_rows"], params["most_terms"])
    if not vocabulary.terms:
        raise GlassboxError("no n-gram stands in enough texts to be learnt")
    x = present(counts)
    wanted = [1] if asked.classes == 2 else range(asked.classes)
    weights, bias = np.zeros((x.shape[1], len(wanted))), np.full(len(wanted), -50.0)
    for place, k in enumerate(wanted):
        hit = y == k
        if not hit.any() or hit.all():
            continue
        ratio = log_count_ratio(x, hit, float(params["alpha"]))
        model = LogisticRegression(C=asked.c(0.1), solver="liblinear", dual=True, max_iter=1000, random_state=asked.seed)
        model.fit(x @ sp.diags(ratio), hit)
        own, beta = model.coef_[0], float(params["beta"])
        mixed = (1 - beta) * np.abs(own).mean() + beta * own
        weights[:, place], bias[place] = mixed * ratio, model.intercept_[0]
    return TermModel(vocabulary, None, Head(weights.astype(np.float32), bias.astype(np.float32), "each"))


# --------------------------------------------------------------------------------------------------------- embeddings


@dataclass(frozen=True)
class EmbeddingModel:
    """A linear head on the embeddings of a sentence encoder."""

    head: Head

    def proba(self, view: View) -> Floats:
        return self.head.proba(view.embeddings())

    def save(self, folder: Path) -> None:
        self.head.save(folder)


def _fit_embeddings(view: View, y: Codes, asked: Fitting) -> EmbeddingModel:
    return EmbeddingModel(logistic(view.embeddings(), y, asked.classes, c=asked.c(10.0), seed=asked.seed))


# ----------------------------------------------------------------------------------------------------------- ensemble


@dataclass(frozen=True)
class Ensemble:
    """Several models together: the weighted sum of their log-probabilities, brought to probabilities again."""

    kinds: list[str]
    members: list[Model]
    weights: list[float]

    def proba(self, view: View) -> Floats:
        return pooled([member.proba(view) for member in self.members], self.weights)

    def save(self, folder: Path) -> None:
        write_json(folder / "ensemble.json", {"kinds": self.kinds, "weights": self.weights})
        for i, member in enumerate(self.members):
            member.save(folder / str(i))


def pooled(probas: list[Floats], weights: list[float]) -> Floats:
    """The logarithmic opinion pool (Genest and Zidek 1986, eq. 3.6): ``p ∝ prod(p_m ** w_m)``.

    >>> pooled([np.array([[0.2, 0.8]]), np.array([[0.2, 0.8]])], [0.5, 0.5]).round(3).tolist()
    [[0.2, 0.8]]
    """
    logs = [weight * np.log(np.clip(proba, 1e-9, 1.0)) for weight, proba in zip(weights, probas, strict=True)]
    return softmax(np.sum(logs, axis=0))


def _fit_ensemble(view: View, y: Codes, asked: Fitting) -> Ensemble:
    members = asked.params["members"]
    fitted = [kind_of(member["kind"]).fit(view, y, replace(asked, params=member["params"])) for member in members]
    return Ensemble([member["kind"] for member in members], fitted, [float(member["weight"]) for member in members])


def _load_ensemble(folder: Path) -> Ensemble:
    told = read_json(folder / "ensemble.json")
    return Ensemble(told["kinds"], [kind_of(kind).load(folder / str(i)) for i, kind in enumerate(told["kinds"])], told["weights"])


# ---------------------------------------------------------------------------------------------------------- transformer


def _fit_transformer(view: View, y: Codes, asked: Fitting) -> Model:
    from glassbox.families.text.transformer import fine_tune

    return fine_tune(view.texts, y, asked)


def _load_transformer(folder: Path) -> Model:
    from glassbox.families.text.transformer import load

    return load(folder)


# --------------------------------------------------------------------------------------------------------------- files


def write_array(path: Path, array: npt.NDArray[Any]) -> None:
    """An array in NumPy's own format."""
    import io

    sink = io.BytesIO()
    np.save(sink, np.ascontiguousarray(array), allow_pickle=False)
    write_bytes(path, sink.getvalue())


def read_array(path: Path) -> Any:
    """What `write_array` wrote."""
    return np.load(path, allow_pickle=False)


KINDS: dict[str, Kind] = {
    "majority": Kind(_fit_majority, lambda folder: Majority(read_array(folder / "shares.npy")), 0, learns=False, searched=False),
    "words": Kind(_tf_idf_model("words", 1, 2), _load_terms, 1),
    "characters": Kind(_tf_idf_model("characters", 2, 5), _load_terms, 1),
    "naive_bayes_linear": Kind(_fit_naive_bayes_linear, _load_terms, 1),
    "embeddings": Kind(_fit_embeddings, lambda folder: EmbeddingModel(Head.load(folder)), 2, encodes=True),
    "transformer": Kind(_fit_transformer, _load_transformer, 4, searched=False),
    "ensemble": Kind(_fit_ensemble, _load_ensemble, 3, searched=False),
}


def kind_of(name: str) -> Kind:
    """The kind of that name.

    Raises
    ------
    GlassboxError
        When there is none.
    """
    if name not in KINDS:
        raise GlassboxError(f"No kind of model {name!r}; there are {', '.join(KINDS)}.")
    return KINDS[name]


def encodes(kind: str, params: Mapping[str, Any]) -> bool:
    """Whether a model of this kind asks the sentence encoder."""
    if kind == "ensemble":
        return any(encodes(member["kind"], member["params"]) for member in params["members"])
    return kind_of(kind).encodes


__all__ = [
    "KINDS",
    "Codes",
    "Ensemble",
    "Fitting",
    "Floats",
    "Head",
    "Kind",
    "Model",
    "encodes",
    "kind_of",
    "log_count_ratio",
    "pooled",
]
