"""What a recogniser is given: which column, and how far a text is read. Texts are not changed, so that spans stay where they are."""

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

from glassbox.data.schema import Schema
from glassbox.findings.evidence import RecipeEvidence
from glassbox.findings.model import Table


class Recipe(BaseModel):
    """The column of texts, and how many characters of each are read."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str
    most_characters: int = Field(default=100_000, ge=1)


def recipe_table(recipe: Recipe, schema: Schema) -> Table:
    """What is done to the texts, step by step."""
    others = [column.name for column in schema.features if column.name != recipe.column]
    steps = [
        ("column", recipe.column, "is read"),
        ("other columns", ", ".join(others) or "none", "are not read"),
        ("missing texts", "filled", "a missing text is filled with the empty text, in which nothing is found"),
        ("length", f"{recipe.most_characters:,} characters", "what stands beyond is not read"),
        ("changes", "none", "a span says where something stands: texts stay as they are"),
    ]
    return Table.of(
        pd.DataFrame(steps, columns=["step", "setting", "what it does"]),
        "Recipe",
        say=f"Recognisers read {recipe.column} as it stands.",
        evidence=RecipeEvidence(missing_handling={recipe.column: "imputed"} | dict.fromkeys(others, "excluded")),
    )
