"""The model of texts that is evaluated, saved and served: recipe, model, calibration, threshold and schema as one thing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from glassbox.data.schema import Schema
from glassbox.families.classification.calibration.apply import Calibration
from glassbox.families.classification.predictor import ClassAnswers
from glassbox.families.predictor_protocol import DESCRIPTION, read_description, served_schema
from glassbox.families.text.corpus import Corpus, Encode, Floats
from glassbox.families.text.encoder import Encoder, Remembered
from glassbox.families.text.models import kind_of
from glassbox.families.text.protocols import Model
from glassbox.families.text.recipe import Recipe
from glassbox.families.text.reference_features import Watch
from glassbox.files import write_json

MODEL, ENCODER, WATCH = "parts", "encoder", "watch"
FORMAT = 1


@dataclass(frozen=True)
class TextPredictor(ClassAnswers):
    """A fitted classifier of texts; implements `glassbox.families.protocol.Predictor`.

    Attributes
    ----------
    schema
        What rows look like; its `classes` are the columns of probabilities, in order.
    kind, params, model
        The kind of model, its hyperparameters, and the model.
    calibration, threshold
        How probabilities are bent, and from which on a row is called positive; None: the most probable class.
    watch
        What is remembered of train, that later texts are compared with.
    encoder
        The sentence encoder, where the model asks one; `store` is where embeddings are kept, if they are.
    """

    schema: Schema
    recipe: Recipe
    kind: str
    params: dict[str, Any]
    model: Model
    calibration: Calibration
    threshold: float | None
    positive: str
    watch: Watch
    encoder: Encoder | None = None
    store: Path | None = None
    workers: int = 1

    @property
    def fields(self) -> list[str]:
        """The columns of the data that the model reads."""
        return list(self.recipe.columns)

    @property
    def served(self) -> Schema:
        """A row at the door: its texts."""
        return served_schema(self.schema, self.fields)

    def expand_query(self, question: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        """``{"texts": [...]}`` stands for a row a text, where there is one column of texts.

        Raises
        ------
        ValueError
            When it is such a question, and cannot be read.
        """
        return texts_in(question, self.fields)

    @property
    def encode(self) -> Encode | None:
        """The encoder with what it remembers; None where the model asks none."""
        return None if self.encoder is None else Remembered(self.encoder, self.store, self.workers)

    def described(self, frame: pd.DataFrame) -> pd.DataFrame:
        """What monitoring compares of some rows: length, unknown words, language, where the embedding lies."""
        return self.watch.describe(self.recipe.texts(frame), self.encode)

    def raw(self, texts: Sequence[str]) -> Floats:
        """Probabilities of shape (texts, classes) of texts as the recipe makes them, not calibrated."""
        if not len(texts):
            return np.zeros((0, len(self.classes)))
        return self.model.proba(Corpus(list(texts), encode=self.encode).whole())

    def proba_of(self, texts: Sequence[str]) -> Floats:
        """Calibrated probabilities of texts as the recipe makes them."""
        return self.calibration.apply(self.raw(texts)) if len(texts) else self.raw(texts)

    def proba(self, frame: pd.DataFrame) -> Floats:
        """Calibrated probabilities of shape (rows, classes)."""
        return self.proba_of(self.recipe.texts(frame))

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Predictions for a conformed frame: ``y_pred`` and one ``proba_<class>`` a class, in the frame's row order."""
        return self.answers(self.proba(frame), frame.index)

    def save(self, folder: Path) -> None:
        """Write the model into `folder`: arrays, terms and weights in plain formats; same fit, same bytes."""
        folder.mkdir(parents=True, exist_ok=True)
        self.model.save(folder / MODEL)
        self.watch.save(folder / WATCH)
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
            },
        )


def texts_in(question: Mapping[str, Any], fields: Sequence[str]) -> list[dict[str, Any]] | None:
    """The rows of a question ``{"texts": [...]}``, where there is one column of texts; None when it is no such question.

    >>> texts_in({"texts": ["a", "b"]}, ["text"])
    [{'text': 'a'}, {'text': 'b'}]
    """
    if set(question) != {"texts"} or "texts" in fields or len(fields) != 1:
        return None
    texts = question["texts"]
    if not isinstance(texts, list) or not texts or not all(isinstance(text, str) for text in texts):
        raise ValueError("texts is no list of texts")
    return [{fields[0]: text} for text in texts]


def load(folder: Path) -> TextPredictor:
    """The predictor that was saved in `folder`.

    Raises
    ------
    GlassboxError
        When it was written in a newer format.
    """
    told = read_description(folder, FORMAT)
    recipe = Recipe.model_validate(told["recipe"])
    return TextPredictor(
        schema=Schema.model_validate(told["schema"]),
        recipe=recipe,
        kind=told["kind"],
        params=told["params"],
        model=kind_of(told["kind"]).load(folder / MODEL),
        calibration=Calibration.model_validate(told["calibration"]),
        threshold=told["threshold"],
        positive=told["positive"],
        watch=Watch.load(folder / WATCH),
        encoder=Encoder(folder / ENCODER, recipe.most_tokens) if told["encodes"] else None,
    )
