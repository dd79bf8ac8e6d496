"""Predictor for texts: recipe, model, calibration, decision threshold and schema."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from glassbox.data.schema import Schema
from glassbox.families.classification.calibration.apply import Calibration
from glassbox.families.classification.predictor import ClassificationMixin
from glassbox.families.predictor_protocol import DESCRIPTION, read_description, restrict_schema
from glassbox.families.text.corpus import Corpus, Encode, Floats
from glassbox.families.text.encoder import CachedEncoder, Encoder
from glassbox.families.text.models import KINDS
from glassbox.families.text.protocols import Model
from glassbox.families.text.recipe import Recipe
from glassbox.families.text.reference_features import ReferenceFeatures
from glassbox.files import write_json

MODEL, ENCODER, REFERENCE = "parts", "encoder", "watch"
FORMAT = 2


@dataclass(frozen=True)
class TextPredictor(ClassificationMixin):
    """A fitted text classifier; implements `glassbox.families.predictor_protocol.Predictor`.

    Attributes
    ----------
    schema
        The schema of the rows; its `classes` are the columns of probabilities, in order.
    kind, params, model
        The kind of model, its hyperparameters, and the model.
    calibration, threshold
        The calibration of probabilities, and the decision threshold of the positive class; None predicts the most probable class.
    reference
        The reference features of train, for comparison with later texts.
    encoder
        The sentence encoder, if the model needs one; `store` is the folder of the embedding cache, or None.
    """

    schema: Schema
    recipe: Recipe
    kind: str
    params: dict[str, Any]
    model: Model
    calibration: Calibration
    threshold: float | None
    positive: str
    reference: ReferenceFeatures
    encoder: Encoder | None = None
    store: Path | None = None
    workers: int = 1
    refit_note: str = ""

    @property
    def fields(self) -> list[str]:
        """The columns of the data that the model reads."""
        return list(self.recipe.columns)

    @property
    def input_schema(self) -> Schema:
        """The schema of an input row: its text columns."""
        return restrict_schema(self.schema, self.fields)

    def expand_query(self, query: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        """Expand ``{"texts": [...]}`` to one row per text, when there is one text column.

        Raises
        ------
        ValueError
            When the value of ``texts`` is not a list of strings.
        """
        return texts_in(query, self.fields)

    @property
    def encode(self) -> Encode | None:
        """The encoder with its embedding cache; None when the model needs no encoder."""
        return None if self.encoder is None else CachedEncoder(self.encoder, self.store, self.workers)

    def described(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the features that monitoring compares: length, unknown words, language, and position of the embedding."""
        return self.reference.describe(self.recipe.texts(frame), self.encode)

    def raw(self, texts: Sequence[str]) -> Floats:
        """Return uncalibrated probabilities of shape (texts, classes) for texts prepared by the recipe."""
        if not len(texts):
            return np.zeros((0, len(self.classes)))
        return self.model.proba(Corpus(list(texts), encode=self.encode).whole())

    def proba_of(self, texts: Sequence[str]) -> Floats:
        """Return calibrated probabilities of shape (texts, classes) for texts prepared by the recipe."""
        return self.calibration.apply(self.raw(texts)) if len(texts) else self.raw(texts)

    def proba(self, frame: pd.DataFrame) -> Floats:
        """Return calibrated probabilities of shape (rows, classes)."""
        return self.proba_of(self.recipe.texts(frame))

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return ``y_pred`` and one ``proba_<class>`` per class for a conformed frame, in its row order."""
        return self.answers(self.proba(frame), frame.index)

    def save(self, folder: Path) -> None:
        """Write the model to `folder` as arrays, terms and weights in plain formats; equal fits give equal bytes."""
        folder.mkdir(parents=True, exist_ok=True)
        self.model.save(folder / MODEL)
        self.reference.save(folder / REFERENCE)
        if self.encoder is not None:
            self.encoder.save(folder / ENCODER)
        write_json(
            folder / DESCRIPTION,
            {
                "family": "text",
                "format": FORMAT,
                "task": "nlp",
                "kind": self.kind,
                "params": self.params,
                "classes": self.classes,
                "positive": self.positive,
                "threshold": self.threshold,
                "calibration": self.calibration,
                "recipe": self.recipe,
                "encodes": self.encoder is not None,
                "schema": self.schema,
                "refit_note": self.refit_note,
            },
        )


def texts_in(query: Mapping[str, Any], fields: Sequence[str]) -> list[dict[str, Any]] | None:
    """Return the rows of a query ``{"texts": [...]}`` when there is one text column; None for any other query.

    >>> texts_in({"texts": ["a", "b"]}, ["text"])
    [{'text': 'a'}, {'text': 'b'}]
    """
    if set(query) != {"texts"} or "texts" in fields or len(fields) != 1:
        return None
    texts = query["texts"]
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise ValueError("texts: expected a non-empty list of strings")
    return [{fields[0]: text} for text in texts]


def load(folder: Path) -> TextPredictor:
    """Load the predictor that was saved in `folder`.

    Raises
    ------
    GlassboxError
        When the model was saved in a newer format.
    """
    description = read_description(folder, FORMAT)
    recipe = Recipe.model_validate(description["recipe"])
    return TextPredictor(
        schema=Schema.model_validate(description["schema"]),
        recipe=recipe,
        kind=description["kind"],
        params=description["params"],
        model=KINDS[description["kind"]].load(folder / MODEL),
        calibration=Calibration.model_validate(description["calibration"]),
        threshold=description["threshold"],
        positive=description["positive"],
        reference=ReferenceFeatures.load(folder / REFERENCE),
        encoder=Encoder(folder / ENCODER, recipe.most_tokens) if description["encodes"] else None,
        refit_note=description["refit_note"],
    )
