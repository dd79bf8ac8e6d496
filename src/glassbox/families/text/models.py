"""The kinds of text model, with the functions that fit and load them; models are saved without pickle.

A new kind is one row in `KINDS`. Models take views of a corpus and class codes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from glassbox.families.classification.baseline_and_ensemble import Ensemble, Majority
from glassbox.families.classification.ensemble_fit import fit_members
from glassbox.families.classification.linear_models import Codes, Head, standardised
from glassbox.families.registry import ModelSpec, Registry
from glassbox.families.text.corpus import Floats, View
from glassbox.families.text.ngram_models import fit_naive_bayes_linear, load_ngram_model, tf_idf_model
from glassbox.families.text.protocols import Fitting, Model
from glassbox.files import read_json, write_json


@dataclass(frozen=True)
class TextSpec(ModelSpec[Callable[[View, Codes, Fitting], Model], Callable[[Path], Model]]):
    """A kind of text classifier; `encodes` is set when it needs the encoder."""

    encodes: bool = False


# ----------------------------------------------------------------------------------------------------------- majority


def _fit_majority(view: View, y: Codes, fitting: Fitting) -> Majority:
    return Majority.of(y, fitting.classes)


# --------------------------------------------------------------------------------------------------------- embeddings


@dataclass(frozen=True)
class EmbeddingModel:
    """A linear classifier on the embeddings of a sentence encoder, or on all of its `layers`."""

    head: Head
    layers: bool = False

    def proba(self, view: View) -> Floats:
        return self.head.proba(view.embeddings(layers=self.layers))

    def save(self, folder: Path) -> None:
        self.head.save(folder)
        write_json(folder / "layers.json", self.layers)


def _fit_embeddings(view: View, y: Codes, fitting: Fitting) -> EmbeddingModel:
    """Fit a logistic regression on the embeddings.

    With `layers`, the embeddings of all layers are concatenated: semantic information is strongest in the last layers, surface and
    syntactic information in earlier ones (Jawahar, Sagot and Seddah 2019, table 2).
    """
    layers = bool(fitting.params.get("layers", False))
    x = view.embeddings(layers=layers)
    return EmbeddingModel(standardised(x, y, fitting.classes, c=fitting.c(0.003 if layers else 0.03), seed=fitting.seed), layers)


def _load_embeddings(folder: Path) -> EmbeddingModel:
    return EmbeddingModel(Head.load(folder), read_json(folder / "layers.json"))


# ----------------------------------------------------------------------------------------------------------- ensemble


def _fit_ensemble(view: View, y: Codes, fitting: Fitting) -> Ensemble:
    def fit_member(_: int, member: Mapping[str, Any]) -> Model:
        return KINDS[member["kind"]].fit(view, y, replace(fitting, params=member["params"]))

    members = fitting.params["members"]
    return Ensemble.of(members, fit_members(members, fit_member, workers=fitting.workers, threads=fitting.threads))


def _load_ensemble(folder: Path) -> Ensemble:
    return Ensemble.load(folder, lambda kind, member_folder: KINDS[kind].load(member_folder))


# ---------------------------------------------------------------------------------------------------------- transformer


def _fit_transformer(view: View, y: Codes, fitting: Fitting) -> Model:
    from glassbox.families.text.transformer import fine_tune

    return fine_tune(view.texts, y, fitting)


def _load_transformer(folder: Path) -> Model:
    from glassbox.families.text.transformer import load

    return load(folder)


KINDS: Registry[TextSpec] = Registry(
    majority=TextSpec(_fit_majority, Majority.load, 0, learns=False),
    words=TextSpec(tf_idf_model("words", 1, 2), load_ngram_model, 1, searched=True),
    characters=TextSpec(tf_idf_model("characters", 2, 5), load_ngram_model, 1, searched=True),
    naive_bayes_linear=TextSpec(fit_naive_bayes_linear, load_ngram_model, 1, searched=True),
    embeddings=TextSpec(_fit_embeddings, _load_embeddings, 2, searched=True, encodes=True),
    transformer=TextSpec(_fit_transformer, _load_transformer, 4),
    ensemble=TextSpec(_fit_ensemble, _load_ensemble, 3),
)


def encodes(kind: str, params: Mapping[str, Any]) -> bool:
    """Return True if a model of this kind needs the sentence encoder."""
    if kind == "ensemble":
        return any(encodes(member["kind"], member["params"]) for member in params["members"])
    return KINDS[kind].encodes
