"""Choice of the size at which pretrained networks receive images."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from glassbox.families.classification.dataset import LabelledRows
from glassbox.families.classification.linear_models import standardised
from glassbox.families.classification.metrics import row_log_loss
from glassbox.families.shared.cross_fit import limit_threads
from glassbox.families.vision.image_collection import ImageCollection
from glassbox.findings.model import Table
from glassbox.runtime.resources import Resources

PRETRAINED_SIDES = (160, 224)  # pixels, at which networks for ImageNet are commonly trained and evaluated
SAMPLE = 1_500  # images on which the sizes are compared
REGULARISATION = 0.01  # C of the logistic regression, as in the default candidates


def sensible_sides(natural: int, *, pretrained: bool) -> list[int]:
    """Return the sizes to compare: that of the images and, for pretrained networks, not far below their own size.

    >>> sensible_sides(32, pretrained=True), sensible_sides(32, pretrained=False), sensible_sides(320, pretrained=True)
    ([160, 224], [32], [320])
    """
    if not pretrained or natural >= max(PRETRAINED_SIDES):
        return [natural]
    return sorted({*PRETRAINED_SIDES, *([natural] if natural > min(PRETRAINED_SIDES) else [])})


def compare_sides(
    images: ImageCollection, labelled: LabelledRows, sides: Sequence[int], resources: Resources
) -> tuple[int, Table]:
    """Choose the size with the lowest log loss in cross-validation of a linear model on the embeddings of the first backbone.

    Parameters
    ----------
    images, labelled
        The training images in the order of `labelled`, with their folds; at most `SAMPLE` of them are used.
    sides
        The sizes in pixels, from `sensible_sides`; a single one is chosen without a comparison.

    Returns
    -------
    int, Table
        The size, and the accuracy and log loss of each.
    """
    if len(sides) == 1:
        say = f"Images are used at {sides[0]} × {sides[0]} pixels, the size of most of them or the largest that is useful."
        return sides[0], Table.of(pd.DataFrame({"side": list(sides)}), "Input size", say=say)
    rows = np.arange(len(labelled.y))[:SAMPLE]
    y, fold, classes = labelled.y[rows], labelled.fold[rows], len(labelled.classes)
    scores = []
    for side in sides:
        recipe = images.recipe.model_copy(update={"side": side})
        resized = replace(images, cells=[images.cells[i] for i in rows], recipe=recipe, _embeddings={}, _cache={})
        x, proba = resized.embeddings(0).astype(np.float64), np.zeros((len(rows), classes))
        with limit_threads(resources.threads):
            for k in np.unique(fold):
                out = fold == k
                model = standardised(x[~out], y[~out], classes, c=REGULARISATION, seed=resources.seed)
                proba[out] = model.proba(x[out])
        accuracy = float((proba.argmax(axis=1) == y).mean())
        scores.append({"side": side, "accuracy": accuracy, "log loss": float(row_log_loss(y, proba).mean())})
    best = min(scores, key=lambda row: row["log loss"])
    table = Table.of(
        pd.DataFrame(scores),
        "Input size",
        say=f"At {best['side']} × {best['side']} pixels, a linear model on the embeddings of {images.backbones[0].name} has the lowest "
        f"log loss out of fold, {best['log loss']:.3f}.",
        note=f"Cross-validation on {len(rows):,} images of train. Small images are enlarged, because pretrained networks recognise "
        "little far below the size at which they were trained.",
        formats={"accuracy": ".3f", "log loss": ".3f"},
    )
    return int(best["side"]), table
