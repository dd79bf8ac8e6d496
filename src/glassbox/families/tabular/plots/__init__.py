"""The figures of the tabular family, by the stage that draws them: `plots.roc(...)`, `plots.leaderboard(...)`.

A name is looked up when it is first used, so that a stage loads (and is keyed by) the module of its own figures only.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from glassbox.families.classification.plots.balance import target_balance
    from glassbox.families.classification.plots.curves import gain_curve, precision_recall, roc, threshold
    from glassbox.families.classification.plots.outcomes import calibration, confusion, slices
    from glassbox.families.shared.selection_plots import leaderboard, param_importances, tuning_history
    from glassbox.families.tabular.plots.columns import distributions, over_time, rates
    from glassbox.families.tabular.plots.patterns import extremes, interaction, missing_patterns, relations_map

_WHERE = {
    "distributions": "columns",
    "over_time": "columns",
    "rates": "columns",
    "target_balance": "glassbox.families.classification.plots.balance",
    "extremes": "patterns",
    "interaction": "patterns",
    "missing_patterns": "patterns",
    "relations_map": "patterns",
    "gain_curve": "glassbox.families.classification.plots.curves",
    "precision_recall": "glassbox.families.classification.plots.curves",
    "roc": "glassbox.families.classification.plots.curves",
    "threshold": "glassbox.families.classification.plots.curves",
    "calibration": "glassbox.families.classification.plots.outcomes",
    "confusion": "glassbox.families.classification.plots.outcomes",
    "slices": "glassbox.families.classification.plots.outcomes",
    "leaderboard": "glassbox.families.shared.selection_plots",
    "param_importances": "glassbox.families.shared.selection_plots",
    "tuning_history": "glassbox.families.shared.selection_plots",
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
