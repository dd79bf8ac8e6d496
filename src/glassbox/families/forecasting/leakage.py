"""Look-ahead check: values after an origin are replaced at random, and no feature may change."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from glassbox.families.forecasting.panel import Panel, filled
from glassbox.families.forecasting.recipe import Recipe, features, future_of, time_features
from glassbox.findings.evidence import LeakageEvidence, LeakSuspect
from glassbox.findings.model import Table


def _features_at(panel: Panel, recipe: Recipe, origin: int) -> Any:
    history = panel.until(origin)
    calendar = time_features(recipe.step.after(history.times[-1], recipe.horizon), recipe)
    return features(history, filled(panel.values, recipe.season)[:, :origin], recipe, future_of(panel, origin, recipe), calendar)[
        0
    ]


def replace_after(panel: Panel, origin: int, recipe: Recipe, rng: np.random.Generator) -> Panel:
    """Replace every value after an origin by noise; covariates known ahead are unchanged."""
    values = panel.values.copy()
    values[:, origin:] = rng.normal(1e3, 1e3, values[:, origin:].shape)
    covariates = {}
    for name, matrix in panel.covariates.items():
        replaced = matrix.copy()
        if name not in recipe.known:
            replaced[:, origin:] = rng.normal(1e3, 1e3, replaced[:, origin:].shape)
        covariates[name] = replaced
    return replace(panel, values=values, covariates=covariates)


def future_leaks(panel: Panel, recipe: Recipe, origins: Sequence[int], seed: int) -> list[dict[str, Any]]:
    """Find features that change when the values after an origin are replaced.

    Returns
    -------
    list of dict
        ``column``, ``origins`` (the number of origins at which it changes) and ``verdict``; empty when nothing leaks.
    """
    rng = np.random.default_rng(seed)
    changed = np.zeros(len(recipe.names()), dtype=int)
    for origin in origins:
        before, after = (
            _features_at(panel, recipe, origin),
            _features_at(replace_after(panel, origin, recipe, rng), recipe, origin),
        )
        equal = (before == after) | (np.isnan(before) & np.isnan(after))
        changed += ~equal.all(axis=(0, 1))
    return [
        {"column": name, "origins": int(count), "verdict": "found"}
        for name, count in zip(recipe.names(), changed, strict=True)
        if count
    ]


def leaks_table(leaks: Sequence[dict[str, Any]], recipe: Recipe) -> Table:
    """Tabulate the features that depend on values after the origin."""
    frame = pd.DataFrame(list(leaks), columns=["column", "origins", "verdict"])
    total = len(recipe.names())
    say = (
        f"None of the {total} features changes when all values after the origin are replaced."
        if not len(frame)
        else f"{len(frame)} of the {total} features depend on values after the origin: {', '.join(frame['column'].head(3))}."
    )
    evidence = LeakageEvidence(suspects=[LeakSuspect(name=leak["column"], action="used") for leak in leaks])
    return Table.of(frame, "Look-ahead leakage", say=say, evidence=evidence)
