"""How well a batch of rows was predicted, and what later rows are compared with."""

from glassbox.families.classification.scoring import out_of_fold, scorer, watched

__all__ = ["out_of_fold", "scorer", "watched"]
