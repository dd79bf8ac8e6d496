"""The recipe as a table. Apart from the recipe, so that how a table looks is no reason to fit anything again."""

import pandas as pd

from glassbox.data.schema import Schema
from glassbox.families.tabular.recipe import TREATMENTS, Recipe, Treatment
from glassbox.findings.evidence import MissingHandling, RecipeEvidence
from glassbox.findings.model import Table

MISSING_HANDLING: dict[Treatment, MissingHandling] = {
    "number": "imputed",
    "log": "imputed",
    "one-hot": "category",
    "target mean": "category",
    "dates": "imputed",
    "length": "imputed",
}


def recipe_table(recipe: Recipe, schema: Schema) -> Table:
    """Every column: its kind, what is done with it, or why it is left out."""
    kinds = {column.name: column.kind for column in schema.columns}
    rows = [
        {"column": name, "kind": kinds[name], "treatment": how, "meaning": TREATMENTS[how]}
        for name, how in recipe.columns.items()
    ]
    rows += [
        {"column": name, "kind": kinds[name], "treatment": "left out", "meaning": why} for name, why in recipe.left_out.items()
    ]
    out = len(recipe.left_out)
    say = f"The model sees {len(recipe.columns)} columns; {out or 'none'} {'are' if out > 1 else 'is'} left out."
    note = (
        f"Values held by fewer than {100 * recipe.min_frequency:.1f} % of the rows share one column; one column of the data becomes "
        f"at most {recipe.max_categories}. A category that is missing is a category of its own."
    )
    handling: dict[str, MissingHandling] = {name: MISSING_HANDLING[how] for name, how in recipe.columns.items()}
    handling |= dict.fromkeys(recipe.left_out, "excluded")
    evidence = RecipeEvidence(missing_handling=handling)
    return Table.of(pd.DataFrame(rows), "The recipe", say=say, note=note, evidence=evidence)
