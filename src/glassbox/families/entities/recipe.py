"""The preprocessing recipe for entity recognition: the text column and its maximum length.

Texts are not modified, so that the offsets of entities stay valid.
"""

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from glassbox.data.schema import Schema
from glassbox.findings.evidence import RecipeEvidence
from glassbox.findings.model import Table


class Recipe(BaseModel):
    """The text column, and the maximum number of characters that are read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str
    most_characters: int = Field(default=100_000, ge=1)


def recipe_table(recipe: Recipe, schema: Schema) -> Table:
    """Return the steps of the recipe as a table."""
    ignored = [column.name for column in schema.features if column.name != recipe.column]
    steps = [
        ("column", recipe.column, "the text that recognisers read"),
        ("other columns", ", ".join(ignored) or "none", "ignored"),
        ("missing texts", "filled", "a missing text is replaced by the empty string, which has no entities"),
        ("length", f"{recipe.most_characters:,} characters", "longer texts are truncated"),
        ("changes", "none", "texts are not modified, so that the offsets of entities stay valid"),
    ]
    return Table.of(
        pd.DataFrame(steps, columns=["step", "setting", "description"]),
        "Feature recipe",
        say=f"Recognisers read {recipe.column} without changes.",
        evidence=RecipeEvidence(missing_handling={recipe.column: "imputed"} | dict.fromkeys(ignored, "excluded")),
    )
