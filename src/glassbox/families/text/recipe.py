"""The preprocessing recipe of texts: columns, repairs, truncation and augmentation."""

import html
import re
import unicodedata
from collections.abc import Sequence
from typing import Any, Literal

import ftfy
import ftfy.badness
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from glassbox.data.schema import Schema
from glassbox.findings.evidence import RecipeEvidence
from glassbox.findings.model import Table

TAG = re.compile(r"<[a-zA-Z/!][^<>]{0,500}>")
BETWEEN_COLUMNS = "\n"
Augmentation = Literal["none", "dropout", "swap", "synonyms"]


class Recipe(BaseModel):
    """The preprocessing of texts, identical for train, holdout and service.

    `columns` are joined by a line break, in this order. `markup` removes tags and unescapes entities (``&amp;``); `encoding` repairs
    wrongly decoded text (``Ã©``). Texts are truncated to `most_characters`. The sentence encoder reads `most_tokens` tokens; of longer
    texts, it reads half from each end. `variation` is the augmentation of training rows.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: list[str] = Field(min_length=1)
    markup: bool = True
    encoding: bool = True
    most_characters: int = Field(default=20_000, ge=1)
    most_tokens: int = Field(default=128, ge=4, le=8192)
    variation: Augmentation = "none"

    def texts(self, frame: pd.DataFrame) -> list[str]:
        """Return the preprocessed text of each row; a missing text becomes the empty string."""
        columns = [frame[name].tolist() for name in self.columns]
        return [self.text([value for value in row if isinstance(value, str)]) for row in zip(*columns, strict=True)]

    def text(self, parts: Sequence[str]) -> str:
        """Join and preprocess the parts of one text.

        >>> Recipe(columns=["a"]).text(["It was<br />fine &amp; schÃ¶n"])
        'It was fine & schön'
        """
        text = BETWEEN_COLUMNS.join(parts)[: 2 * self.most_characters]
        text = text.encode("utf-8", "replace").decode("utf-8")  # an unpaired surrogate is not a character
        if self.markup:
            text = html.unescape(TAG.sub(" ", text))
        if self.encoding and ftfy.badness.is_bad(text):
            text = ftfy.fix_encoding(text)
        text = unicodedata.normalize("NFC", text)
        return " ".join(text[: self.most_characters].split())


def text_columns(schema: Schema, requested: Sequence[str] | None) -> list[str]:
    """Return the text columns: those that the request names, else all of kind ``text``, else the first feature."""
    features = [column.name for column in schema.features]
    if requested:
        return [name for name in requested if name in features]
    prose = [column.name for column in schema.features if column.kind == "text"]
    return prose or features[:1]


def default_recipe(schema: Schema, requested: Sequence[str] | None, **settings: Any) -> Recipe:
    """Return the default recipe for the requested columns, or for all text columns."""
    return Recipe(columns=text_columns(schema, requested), **settings)


def recipe_table(recipe: Recipe, schema: Schema) -> Table:
    """Return the steps of the recipe as a table."""
    gaps = sum(schema.column(name).missing > 0 for name in recipe.columns)
    steps = [
        ("columns", ", ".join(recipe.columns), "joined by a line break, in this order"),
        ("missing texts", f"in {gaps} columns" if gaps else "none", "a missing text is replaced by the empty string"),
        ("markup", "removed" if recipe.markup else "left in place", "HTML tags and entities"),
        ("encoding", "repaired" if recipe.encoding else "left in place", "wrongly decoded text"),
        ("length", f"{recipe.most_characters:,} characters", "longer texts are truncated"),
        ("tokens", f"{recipe.most_tokens:,}", "the sentence encoder's limit; of longer texts it reads half from each end"),
        ("augmentation", recipe.variation, "of training texts, inside the folds"),
    ]
    augmentation = "" if recipe.variation == "none" else f", augmented by {recipe.variation}"
    say = f"Models read {', '.join(recipe.columns)}{augmentation}."
    evidence = RecipeEvidence(missing_handling=dict.fromkeys(recipe.columns, "imputed"))
    return Table.of(pd.DataFrame(steps, columns=["step", "setting", "description"]), "Feature recipe", say=say, evidence=evidence)
