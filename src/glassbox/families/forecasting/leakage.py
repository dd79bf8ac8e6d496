"""Nothing from the future: everything after an origin is changed on purpose, and no feature may move."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from glassbox.families.forecasting.panel import Panel, filled
from glassbox.families.forecasting.recipe import Recipe, features, future_of, time_features
from glassbox.findings.evidence import LeakageEvidence, LeakSuspect
from glassbox.findings.model import Table


def _made(panel: Panel, recipe: Recipe, origin: int) -> Any:
    seen = panel.until(origin)
    calendar = time_features(recipe.step.after(seen.times[-1], recipe.horizon), recipe)
    return features(seen, filled(panel.values, recipe.season)[:, :origin], recipe, future_of(panel, origin, recipe), calendar)[0]


def changed_after(panel: Panel, origin: int, recipe: Recipe, rng: np.random.Generator) -> Panel:
    """The panel with every value after an origin replaced; covariates known ahead stay."""
    values = panel.values.copy()
    values[:, origin:] = rng.normal(1e3, 1e3, values[:, origin:].shape)
    covariates = {}
    for name, matrix in panel.covariates.items():
        moved = matrix.copy()
        if name not in recipe.known:
            moved[:, origin:] = rng.normal(1e3, 1e3, moved[:, origin:].shape)
        covariates[name] = moved
    return replace(panel, values=values, covariates=covariates)


def future_leaks(panel: Panel, recipe: Recipe, origins: Sequence[int], seed: int) -> list[dict[str, Any]]:
    """The features that move when what comes after an origin is changed: ``column`` and ``origins``; none, when all is well."""
    rng = np.random.default_rng(seed)
    moved = np.zeros(len(recipe.names()), dtype=int)
    for origin in origins:
        before, after = _made(panel, recipe, origin), _made(changed_after(panel, origin, recipe, rng), recipe, origin)
        same = (before == after) | (np.isnan(before) & np.isnan(after))
        moved += ~same.all(axis=(0, 1))
    return [
        {"column": name, "origins": int(count), "verdict": "found"}
        for name, count in zip(recipe.names(), moved, strict=True)
        if count
    ]


def leaks_table(leaks: Sequence[dict[str, Any]], recipe: Recipe) -> Table:
    """The features that saw the future."""
    frame = pd.DataFrame(list(leaks), columns=["column", "origins", "verdict"])
    total = len(recipe.names())
    say = (
        f"None of {total} features moves when everything after the origins is changed."
        if not len(frame)
        else f"{len(frame)} of {total} features have seen the future: {', '.join(frame['column'].head(3))}."
    )
    evidence = LeakageEvidence(suspects=[LeakSuspect(name=leak["column"], action="used") for leak in leaks])
    return Table.of(frame, "Does anything come from the future?", say=say, evidence=evidence)
