"""Table of the feature recipe, in a separate module so that changes to the table do not invalidate cached fits."""

import pandas as pd

from glassbox.data.schema import Schema
from glassbox.families.tabular.recipe import TREATMENTS, Recipe, Treatment
from glassbox.findings.evidence import MissingHandling, RecipeEvidence
from glassbox.findings.model import Table
from glassbox.findings.wording import clean, counted, join_names

MISSING_HANDLING: dict[Treatment, MissingHandling] = {
    "number": "imputed",
    "log": "imputed",
    "one-hot": "category",
    "target mean": "category",
    "dates": "imputed",
    "times": "imputed",
    "text": "category",
    "length": "imputed",
}


def recipe_table(recipe: Recipe, schema: Schema) -> Table:
    """Return the kind and the treatment of each column, or the reason why it is left out."""
    kinds = {column.name: column.kind for column in schema.columns}
    rows = [
        {"column": name, "kind": kinds[name], "treatment": how, "meaning": TREATMENTS[how]}
        for name, how in recipe.columns.items()
    ]
    rows += [
        {"column": name, "kind": kinds[name], "treatment": "left out", "meaning": why} for name, why in recipe.left_out.items()
    ]
    omitted = [f"{clean(name)} ({why.partition(':')[0]})" for name, why in recipe.left_out.items()]
    say = f"The model uses {counted(len(recipe.columns), 'column')}; "
    say += (
        f"{len(omitted)} {'are' if len(omitted) > 1 else 'is'} left out: {join_names(omitted, 8)}."
        if omitted
        else "none is left out."
    )
    note = (
        f"Values in fewer than {100 * recipe.min_frequency:.1f} % of the rows share one one-hot column, and each data column has at most "
        f"{recipe.max_categories} of them. A missing category is a category of its own."
    )
    handling: dict[str, MissingHandling] = {name: MISSING_HANDLING[how] for name, how in recipe.columns.items()}
    handling |= dict.fromkeys(recipe.left_out, "excluded")
    evidence = RecipeEvidence(missing_handling=handling)
    return Table.of(pd.DataFrame(rows), "Feature recipe", say=say, note=note, evidence=evidence)
