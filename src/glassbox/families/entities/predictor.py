"""The recogniser that is evaluated, saved and served."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from glassbox.data.schema import Schema
from glassbox.families.entities.models import Model, kind_of
from glassbox.families.entities.recipe import Recipe
from glassbox.families.entities.spans import Span, read_spans
from glassbox.families.predictor_protocol import DESCRIPTION, read_description, served_schema
from glassbox.families.text.predictor import texts_in
from glassbox.families.text.reference_features import Watch
from glassbox.files import write_json

MODEL, WATCH = "parts", "watch"
FORMAT = 1


@dataclass(frozen=True)
class SpanPredictor:
    """A fitted recogniser of entities; implements `glassbox.families.protocol.Predictor`."""

    schema: Schema
    recipe: Recipe
    types: list[str]
    kind: str
    params: dict[str, Any]
    model: Model
    watch: Watch

    @property
    def fields(self) -> list[str]:
        """The column of texts."""
        return [self.recipe.column]

    @property
    def served(self) -> Schema:
        """A row at the door: a text."""
        return served_schema(self.schema, self.fields)

    @property
    def refit_note(self) -> str:
        """Nothing: the recogniser that was evaluated is served as it is."""
        return ""

    def expand_query(self, question: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        """``{"texts": [...]}`` stands for a row a text.

        Raises
        ------
        ValueError
            When it is such a question, and cannot be read.
        """
        return texts_in(question, self.fields)

    def texts(self, frame: pd.DataFrame) -> list[str]:
        """The text of each row, as far as it is read."""
        values = frame[self.recipe.column].tolist()
        return [value[: self.recipe.most_characters] if isinstance(value, str) else "" for value in values]

    def find(self, frame: pd.DataFrame) -> list[list[Span]]:
        """The spans of each row."""
        texts = self.texts(frame)
        return self.model.find(texts) if texts else []

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """``y_pred``: for each row of a conformed frame its spans, as objects with ``start``, ``end``, ``type`` and ``text``."""
        return self._answers(self.texts(frame), self.find(frame), frame.index)

    def postprocess(self, raw: pd.DataFrame) -> pd.DataFrame:
        """What monitoring watches of out-of-fold spans: how many there are of each type, a column a type, and ``y_pred`` as JSON."""
        found = [[] if isinstance(spans := read_spans(cell), str) else spans for cell in raw["y_pred"]]
        told: dict[str, Any] = {"y_pred": raw["y_pred"].tolist()}
        for name in self.types:
            told[f"spans of type {name}"] = [float(sum(span.type == name for span in row)) for row in found]
        return pd.DataFrame(told, index=raw.index)

    def _answers(self, texts: Sequence[str], found: Sequence[Sequence[Span]], index: pd.Index) -> pd.DataFrame:
        cells = [
            [{"start": span.start, "end": span.end, "type": span.type, "text": text[span.start : span.end]} for span in row]
            for text, row in zip(texts, found, strict=True)
        ]
        return pd.DataFrame({"y_pred": pd.Series(cells, index=index, dtype=object)}, index=index)

    def described(self, frame: pd.DataFrame) -> pd.DataFrame:
        """What monitoring compares of some rows: length, unknown words, language."""
        return self.watch.describe(self.texts(frame))

    def save(self, folder: Path) -> None:
        """Write the recogniser into `folder`; same fit, same bytes."""
        folder.mkdir(parents=True, exist_ok=True)
        self.model.save(folder / MODEL)
        self.watch.save(folder / WATCH)
        write_json(
            folder / DESCRIPTION,
            {
                "family": "entities",
                "format": FORMAT,
                "task": "nlp",
                "kind": self.kind,
                "params": self.params,
                "types": self.types,
                "recipe": self.recipe,
                "schema": self.schema,
            },
        )


def load(folder: Path) -> SpanPredictor:
    """The recogniser that was saved in `folder`.

    Raises
    ------
    GlassboxError
        When it was written in a newer format.
    """
    told = read_description(folder, FORMAT)
    return SpanPredictor(
        schema=Schema.model_validate(told["schema"]),
        recipe=Recipe.model_validate(told["recipe"]),
        types=told["types"],
        kind=told["kind"],
        params=told["params"],
        model=kind_of(told["kind"]).load(folder / MODEL),
        watch=Watch.load(folder / WATCH),
    )
