"""The figures of the tabular family, by the stage that draws them: `plots.roc(...)`, `plots.leaderboard(...)`.

A name is looked up when it is first used, so that a stage loads (and is keyed by) the module of its own figures only.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glassbox.families.classes.plots.balance import target_balance
    from glassbox.families.classes.plots.curves import gain_curve, precision_recall, roc, threshold
    from glassbox.families.classes.plots.outcomes import calibration, confusion, slices
    from glassbox.families.selection import leaderboard, param_importances, tuning_history
    from glassbox.families.tabular.plots.columns import distributions, over_time, rates
    from glassbox.families.tabular.plots.patterns import extremes, interaction, missing_patterns, relations_map

_WHERE = {
    "distributions": "columns",
    "over_time": "columns",
    "rates": "columns",
    "target_balance": "glassbox.families.classes.plots.balance",
    "extremes": "patterns",
    "interaction": "patterns",
    "missing_patterns": "patterns",
    "relations_map": "patterns",
    "gain_curve": "glassbox.families.classes.plots.curves",
    "precision_recall": "glassbox.families.classes.plots.curves",
    "roc": "glassbox.families.classes.plots.curves",
    "threshold": "glassbox.families.classes.plots.curves",
    "calibration": "glassbox.families.classes.plots.outcomes",
    "confusion": "glassbox.families.classes.plots.outcomes",
    "slices": "glassbox.families.classes.plots.outcomes",
    "leaderboard": "glassbox.families.selection",
    "param_importances": "glassbox.families.selection",
    "tuning_history": "glassbox.families.selection",
}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"there is no figure {name!r} here; there are {', '.join(sorted(_WHERE))}")
    where = _WHERE[name]
    return getattr(import_module(where if "." in where else f"{__name__}.{where}"), name)


__all__ = [
    "calibration",
    "confusion",
    "distributions",
    "extremes",
    "gain_curve",
    "interaction",
    "leaderboard",
    "missing_patterns",
    "over_time",
    "param_importances",
    "precision_recall",
    "rates",
    "relations_map",
    "roc",
    "slices",
    "target_balance",
    "threshold",
    "tuning_history",
]
