"""How well a batch of texts was classified, and what later texts are compared with."""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from glassbox.families.classification.scoring import out_of_fold
from glassbox.families.protocol import Reference
from glassbox.families.text.predictor import TextPredictor

MOST = 5_000  # texts are enough for a profile; more would only take longer


def watched(predictor: TextPredictor, train: pd.DataFrame, oof: pd.DataFrame, kept: Path | None = None) -> Reference:
    """Texts of train (of many, some thousands) by their length, unknown words, language and embedding, with their calibrated out-of-fold predictions."""
    sample = train.sort_values("row_id", kind="stable").iloc[:: max(1, len(train) // MOST)].reset_index(drop=True)
    rows = replace(predictor, store=kept).described(sample)
    return Reference(
        rows,
        predictor.watch.schema(rows),
        predictor.postprocess(out_of_fold(sample, oof)),
        sample[str(predictor.schema.target)],
        unit="texts",
    )
