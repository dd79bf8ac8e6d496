"""How well a batch of texts was classified, and what later texts are compared with."""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from glassbox.families.base import Watched
from glassbox.families.classes.scoring import out_of_fold, scorer
from glassbox.families.text.predictor import TextPredictor


def watched(predictor: TextPredictor, train: pd.DataFrame, oof: pd.DataFrame, kept: Path | None = None) -> Watched:
    """Each text of train by its length, unknown words, language and embedding, with its calibrated out-of-fold prediction."""
    rows = replace(predictor, store=kept).described(train)
    return Watched(
        rows,
        predictor.watch.schema(rows),
        predictor.finish(out_of_fold(train, oof)),
        train[str(predictor.schema.target)],
        unit="texts",
    )


__all__ = ["out_of_fold", "scorer", "watched"]
