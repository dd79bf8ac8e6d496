"""Predictor for named entities: recipe, model and schema."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from glassbox.data.schema import Schema
from glassbox.families.entities.models import KINDS, Model
from glassbox.families.entities.recipe import Recipe
from glassbox.families.entities.spans import Span, read_spans
from glassbox.families.predictor_protocol import DESCRIPTION, read_description, restrict_schema
from glassbox.families.text.predictor import texts_in
from glassbox.families.text.reference_features import ReferenceFeatures
from glassbox.files import write_json

MODEL, REFERENCE = "parts", "watch"
FORMAT = 2


@dataclass(frozen=True)
class SpanPredictor:
    """A fitted entity recogniser; implements `glassbox.families.predictor_protocol.Predictor`."""

    schema: Schema
    recipe: Recipe
    types: list[str]
    kind: str
    params: dict[str, Any]
    model: Model
    reference: ReferenceFeatures
    refit_note: str = ""

    @property
    def fields(self) -> list[str]:
        """The column that the model reads."""
        return [self.recipe.column]

    @property
    def input_schema(self) -> Schema:
        """The schema of an input row: its text column."""
        return restrict_schema(self.schema, self.fields)

    def expand_query(self, query: Mapping[str, Any]) -> list[dict[str, Any]] | None:
        """Expand ``{"texts": [...]}`` to one row per text.

        Raises
        ------
        ValueError
            When the value of ``texts`` is not a list of strings.
        """
        return texts_in(query, self.fields)

    def texts(self, frame: pd.DataFrame) -> list[str]:
        """Return the text of each row, truncated to the maximum length."""
        values = frame[self.recipe.column].tolist()
        return [value[: self.recipe.most_characters] if isinstance(value, str) else "" for value in values]

    def find(self, frame: pd.DataFrame) -> list[list[Span]]:
        """Return the predicted entities of each row."""
        texts = self.texts(frame)
        return self.model.find(texts) if texts else []

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return ``y_pred`` for a conformed frame: the entities of each row, as objects with ``start``, ``end``, ``type``, ``text``."""
        return self._to_frame(self.texts(frame), self.find(frame), frame.index)

    def postprocess(self, raw: pd.DataFrame) -> pd.DataFrame:
        """Return ``y_pred`` as JSON and the number of entities of each type per row, for monitoring."""
        rows = [[] if isinstance(spans := read_spans(cell), str) else spans for cell in raw["y_pred"]]
        columns: dict[str, Any] = {"y_pred": raw["y_pred"].tolist()}
        for name in self.types:
            columns[f"spans of type {name}"] = [float(sum(span.type == name for span in row)) for row in rows]
        return pd.DataFrame(columns, index=raw.index)

    def _to_frame(self, texts: Sequence[str], rows: Sequence[Sequence[Span]], index: pd.Index) -> pd.DataFrame:
        cells = [
            [{"start": span.start, "end": span.end, "type": span.type, "text": text[span.start : span.end]} for span in row]
            for text, row in zip(texts, rows, strict=True)
        ]
        return pd.DataFrame({"y_pred": pd.Series(cells, index=index, dtype=object)}, index=index)

    def described(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Return the features that monitoring compares: length, unknown words and language."""
        return self.reference.describe(self.texts(frame))

    def save(self, folder: Path) -> None:
        """Write the recogniser to `folder`; equal fits give equal bytes."""
        folder.mkdir(parents=True, exist_ok=True)
        self.model.save(folder / MODEL)
        self.reference.save(folder / REFERENCE)
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
                "refit_note": self.refit_note,
            },
        )


def load(folder: Path) -> SpanPredictor:
    """Load the recogniser that was saved in `folder`.

    Raises
    ------
    GlassboxError
        When the model was saved in a newer format.
    """
    description = read_description(folder, FORMAT)
    return SpanPredictor(
        schema=Schema.model_validate(description["schema"]),
        recipe=Recipe.model_validate(description["recipe"]),
        types=description["types"],
        kind=description["kind"],
        params=description["params"],
        model=KINDS[description["kind"]].load(folder / MODEL),
        reference=ReferenceFeatures.load(folder / REFERENCE),
        refit_note=description["refit_note"],
    )
