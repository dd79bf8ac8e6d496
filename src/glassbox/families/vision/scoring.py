"""How well a batch of pictures was classified, and what later pictures are compared with."""

from dataclasses import replace
from pathlib import Path

import pandas as pd

from glassbox.families.classification.scoring import out_of_fold
from glassbox.families.protocol import Reference
from glassbox.families.vision.predictor import VisionPredictor

MOST = 5_000  # pictures are enough for a profile; more would only take longer


def watched(predictor: VisionPredictor, train: pd.DataFrame, oof: pd.DataFrame, kept: Path | None = None) -> Reference:
    """Pictures of train (of many, some thousands) by size, brightness, colour, sharpness and embedding, with their calibrated out-of-fold
    predictions."""
    sample = train.sort_values("row_id", kind="stable").iloc[:: max(1, len(train) // MOST)].reset_index(drop=True)
    rows = replace(predictor, store=kept).described(sample)
    return Reference(
        rows,
        predictor.reference.schema(rows),
        predictor.postprocess(out_of_fold(sample, oof)),
        sample[str(predictor.schema.target)],
        unit="pictures",
    )
