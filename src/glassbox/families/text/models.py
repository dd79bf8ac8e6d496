"""The kinds of model of texts: how each is fitted, asked, saved without pickle, and loaded.

A new kind is one row in `KINDS`. Models speak of views of a corpus and of classes by number.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from glassbox.families.classification.baseline_and_ensemble import Ensemble, Majority
from glassbox.families.classification.linear_models import Codes, Head, standardised
from glassbox.families.registry import kind_in
from glassbox.families.text.corpus import Floats, View
from glassbox.families.text.ngram_models import fit_naive_bayes_linear, load_terms, tf_idf_model
from glassbox.families.text.protocols import Fitting, Model
from glassbox.files import read_json, write_json


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


def _fit_majority(view: View, y: Codes, asked: Fitting) -> Majority:
    return Majority.of(y, asked.classes)


# --------------------------------------------------------------------------------------------------------- embeddings


@dataclass(frozen=True)
class EmbeddingModel:
    """A linear head on the embeddings of a sentence encoder, or on all of its `layers`."""

    head: Head
    layers: bool = False

    def proba(self, view: View) -> Floats:
        return self.head.proba(view.embeddings(layers=self.layers))

    def save(self, folder: Path) -> None:
        self.head.save(folder)
        write_json(folder / "layers.json", self.layers)


def _fit_embeddings(view: View, y: Codes, asked: Fitting) -> EmbeddingModel:
    """Logistic regression on the embeddings.

    With `layers`, every layer of the encoder is read: what a text says of its subject is strongest in the last, how it says it before
    (Jawahar, Sagot and Seddah 2019, table 2).
    """
    layers = bool(asked.params.get("layers", False))
    x = view.embeddings(layers=layers)
    return EmbeddingModel(standardised(x, y, asked.classes, c=asked.c(0.003 if layers else 0.03), seed=asked.seed), layers)


# ----------------------------------------------------------------------------------------------------------- ensemble


def _fit_ensemble(view: View, y: Codes, asked: Fitting) -> Ensemble:
    def one(_: int, member: Mapping[str, Any]) -> Model:
        return kind_of(member["kind"]).fit(view, y, replace(asked, params=member["params"]))

    return Ensemble.fit(asked.params["members"], one, workers=asked.workers, threads=asked.threads)


def _load_ensemble(folder: Path) -> Ensemble:
    return Ensemble.load(folder, lambda kind, own: kind_of(kind).load(own))


# ---------------------------------------------------------------------------------------------------------- transformer


def _fit_transformer(view: View, y: Codes, asked: Fitting) -> Model:
    from glassbox.families.text.transformer import fine_tune

    return fine_tune(view.texts, y, asked)


def _load_transformer(folder: Path) -> Model:
    from glassbox.families.text.transformer import load

    return load(folder)


KINDS: dict[str, Kind] = {
    "majority": Kind(_fit_majority, Majority.load, 0, learns=False, searched=False),
    "words": Kind(tf_idf_model("words", 1, 2), load_terms, 1),
    "characters": Kind(tf_idf_model("characters", 2, 5), load_terms, 1),
    "naive_bayes_linear": Kind(fit_naive_bayes_linear, load_terms, 1),
    "embeddings": Kind(
        _fit_embeddings, lambda folder: EmbeddingModel(Head.load(folder), read_json(folder / "layers.json")), 2, encodes=True
    ),
    "transformer": Kind(_fit_transformer, _load_transformer, 4, searched=False),
    "ensemble": Kind(_fit_ensemble, _load_ensemble, 3, searched=False),
}


def kind_of(name: str) -> Kind:
    """The kind of that name; a name that is none is an error that lists them."""
    return kind_in(KINDS, name)


def encodes(kind: str, params: Mapping[str, Any]) -> bool:
    """Whether a model of this kind asks the sentence encoder."""
    if kind == "ensemble":
        return any(encodes(member["kind"], member["params"]) for member in params["members"])
    return kind_of(kind).encodes
