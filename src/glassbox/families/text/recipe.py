"""What the models see of a text: which columns, what is repaired in them, how far they are read, and how they are varied."""

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
Variation = Literal["none", "dropout", "swap", "synonyms"]


class Recipe(BaseModel):
    """What is done to the texts before any model sees them. The same for train, holdout and service.

    `columns` are joined by a line break, in this order. `markup` takes out tags and reads what stands for a sign (``&amp;``);
    `encoding` mends text that was decoded wrongly (``Ã©``). `most_characters` are read, from the beginning. `most_tokens` are what
    the sentence encoder reads, of longer texts half from each end. `variation` is what augments the rows that teach.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    columns: list[str] = Field(min_length=1)
    markup: bool = True
    encoding: bool = True
    most_characters: int = Field(default=20_000, ge=1)
    most_tokens: int = Field(default=128, ge=4, le=8192)
    variation: Variation = "none"

    def texts(self, frame: pd.DataFrame) -> list[str]:
        """The text of each row, as the models see it; a text that is missing is empty."""
        columns = [frame[name].tolist() for name in self.columns]
        return [self.text([value for value in row if isinstance(value, str)]) for row in zip(*columns, strict=True)]

    def text(self, parts: Sequence[str]) -> str:
        """One text.

        >>> Recipe(columns=["a"]).text(["It was<br />fine &amp; schÃ¶n"])
        'It was fine & schön'
        """
        text = BETWEEN_COLUMNS.join(parts)[: 2 * self.most_characters]
        text = text.encode("utf-8", "replace").decode("utf-8")  # half of a two-part sign is none
        if self.markup:
            text = html.unescape(TAG.sub(" ", text))
        if self.encoding and ftfy.badness.is_bad(text):
            text = ftfy.fix_encoding(text)
        text = unicodedata.normalize("NFC", text)
        return " ".join(text[: self.most_characters].split())


def text_columns(schema: Schema, asked: Sequence[str] | None) -> list[str]:
    """The columns that hold texts: those that the request names, else all of prose, else the one with the longest values."""
    features = [column.name for column in schema.features]
    if asked:
        return [name for name in asked if name in features]
    prose = [column.name for column in schema.features if column.kind == "text"]
    return prose or features[:1]


def default_recipe(schema: Schema, asked: Sequence[str] | None, **settings: Any) -> Recipe:
    """The recipe when nobody says otherwise."""
    return Recipe(columns=text_columns(schema, asked), **settings)


def recipe_table(recipe: Recipe, schema: Schema) -> Table:
    """What is done to the texts, step by step."""
    gaps = sum(schema.column(name).missing > 0 for name in recipe.columns)
    steps = [
        ("columns", ", ".join(recipe.columns), "joined by a line break, in this order"),
        ("missing texts", f"{gaps} columns have gaps" if gaps else "none", "a missing text is filled with the empty text"),
        ("markup", "taken out" if recipe.markup else "kept", "tags, and what stands for a sign"),
        ("encoding", "mended" if recipe.encoding else "kept", "text that was decoded wrongly"),
        ("length", f"{recipe.most_characters:,} characters", "what stands beyond is not read"),
        ("tokens", f"{recipe.most_tokens:,}", "are read by the sentence encoder; of longer texts, half from each end"),
        ("augmentation", recipe.variation, "of the texts that teach, inside folds"),
    ]
    say = f"Models read {', '.join(recipe.columns)}" + (
        f", augmented by {recipe.variation}." if recipe.variation != "none" else "."
    )
    evidence = RecipeEvidence(missing_handling=dict.fromkeys(recipe.columns, "imputed"))
    return Table.of(pd.DataFrame(steps, columns=["step", "setting", "what it does"]), "Recipe", say=say, evidence=evidence)
