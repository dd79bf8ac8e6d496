"""The figures of spans: those of every family of classes, where types stand in the place of classes."""

from glassbox.families.classification.plots.balance import target_balance
from glassbox.families.classification.plots.outcomes import confusion
from glassbox.families.shared.selection_plots import leaderboard, param_importances, tuning_history

__all__ = ["confusion", "leaderboard", "param_importances", "target_balance", "tuning_history"]
