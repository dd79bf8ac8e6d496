"""Why a picture is called what it is called: the parts that a network looked at (Grad-CAM), and the surest mistakes as pictures."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from glassbox.families.classification.class_report import surest_mistakes
from glassbox.families.classification.dataset import codes_of
from glassbox.families.classification.example_selection import worth_a_look
from glassbox.families.shared.torch_device import device
from glassbox.families.vision.models import EmbeddingModel, Ensemble, Model, Network, resized
from glassbox.families.vision.networks import Net, tensor_of
from glassbox.families.vision.predictor import VisionPredictor
from glassbox.families.vision.recipe import Pixels
from glassbox.families.vision.thumbnails import of_pixels, shown
from glassbox.findings.model import Pictures
from glassbox.findings.wording import clean, number

MISTAKES = 12
Map = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Looked:
    """A network with the weights that each class gives its last maps, (maps, classes), at a size of its own."""

    net: Net
    towards: npt.NDArray[np.float64]
    side: int
    name: str


def looked_at(predictor: VisionPredictor, pixels: Pixels, label: int) -> tuple[Map, str] | None:
    """Where in a picture the model found what speaks for a class: (side, side) from 0 to 1, and by which network.

    Grad-CAM (Selvaraju et al. 2017, eq. 1 and 2). Under a mean over the picture and a linear head, the gradient of a score by a map is
    that class's weight, so what is shown is the sum of the maps by these weights (Zhou et al. 2016, eq. 2), where it is positive.
    None where the model looks at no picture.
    """
    found = _network(predictor, predictor.model)
    if found is None:
        return None
    with torch.inference_mode():
        x = resized(tensor_of(pixels[None]), found.side)
        maps = found.net.stages((x - found.net.mean) / found.net.spread)[0].float().cpu().numpy().astype(np.float64)
    heat = np.maximum(np.tensordot(found.towards[:, label], maps, axes=1), 0)
    heat = heat / heat.max() if heat.max() > 0 else heat
    return np.asarray(cv2.resize(heat, pixels.shape[:2], interpolation=cv2.INTER_LINEAR), dtype=np.float64), found.name


def _network(predictor: VisionPredictor, model: Model) -> _Looked | None:
    classes = len(predictor.classes)
    if isinstance(model, Network):
        weights = model.net.head.weight.detach().cpu().numpy().T.astype(np.float64)
        return _Looked(
            model.net.eval().to(device()),
            weights - weights.mean(axis=1, keepdims=True),
            model.side,
            model.start or "the small network",
        )
    if isinstance(model, EmbeddingModel):
        backbone = predictor.backbones[model.places[0]]
        width = backbone.net.head.in_features
        weights = model.head.weights[:width].astype(np.float64)
        if weights.shape[1] == 1 and classes == 2:
            weights = np.column_stack([-weights[:, 0], weights[:, 0]])
        return _Looked(backbone.net, weights - weights.mean(axis=1, keepdims=True), predictor.recipe.side, backbone.name)
    if isinstance(model, Ensemble):
        for place in np.argsort(-np.array(model.weights), kind="stable"):
            if (found := _network(predictor, model.members[int(place)])) is not None:
                return found
    return None


def heated(pixels: Pixels, heat: Map) -> Pixels:
    """A picture with what was looked at in its colours, and the rest faded."""
    picture = pixels.astype(np.float64)
    faded = 0.25 * picture.mean(axis=2, keepdims=True) + 0.75 * 235
    return np.asarray(np.clip(heat[..., None] * picture + (1 - heat[..., None]) * faded, 0, 255), dtype=np.uint8)


def explained(predictor: VisionPredictor, holdout: pd.DataFrame, predicted: pd.DataFrame) -> Pictures:
    """Pictures that are worth a look, each beside what of it spoke for what the model said."""
    rows = holdout.set_index("row_id").loc[predicted["row_id"]].reset_index()
    proba = predicted[[f"proba_{name}" for name in predictor.classes]].to_numpy(dtype=np.float64)
    truth = codes_of(predicted["y_true"], predictor.classes)
    pictures, by = [], ""
    for case in worth_a_look(proba, truth, predictor.positive_at, predictor.threshold):
        cell = str(rows[predictor.recipe.column].iloc[case.at])
        pixels = predictor.recipe.pixels(cell)
        said, right = clean(predictor.classes[case.label]), clean(predictor.classes[truth[case.at]])
        sure = number(float(proba[case.at, case.label]), ".0%")
        pictures.append(shown(cell, f"{case.why}: called {said} with {sure}; it is {right}", f"a picture labelled {right}"))
        found = looked_at(predictor, pixels, case.label)
        if found is not None:
            heat, by = found
            pictures.append(
                of_pixels(
                    heated(pixels, heat), f"What spoke for {said}", f"the same picture, faded but for what spoke for {said}"
                )
            )
    return Pictures(
        title="Why, in single pictures",
        say="In colour is what spoke for what the model said; faded is what did not." if by else "The model looks at no picture.",
        pictures=pictures,
        note=f"Grad-CAM, by {by}: coarse, and of one of the networks where several are asked." if by else "",
    )


def mistakes(predictor: VisionPredictor, holdout: pd.DataFrame, predicted: pd.DataFrame) -> Pictures:
    """The mistakes that the model was surest of, as pictures."""
    rows = holdout.set_index("row_id").loc[predicted["row_id"]].reset_index()
    wrong, sure = surest_mistakes(predicted, predictor.classes)
    cells = rows[predictor.recipe.column]
    first = np.unique(cells.to_numpy()[wrong].astype(str), return_index=True)[
        1
    ]  # a picture that stands there twice is shown once
    pictures = [
        shown(
            str(cells.iloc[i]),
            f"Called {clean(predicted['y_pred'].iloc[i])} with {number(float(sure[i]), '.0%')}, labelled {clean(predicted['y_true'].iloc[i])}",
            f"a picture labelled {clean(predicted['y_true'].iloc[i])}",
        )
        for i in wrong[np.sort(first)[:MISTAKES]]
    ]
    if not pictures:
        return Pictures(title="The surest mistakes", say="No picture of the holdout was called wrong.", pictures=[])
    return Pictures(
        title="The surest mistakes",
        say=f"{len(wrong):,} of {len(predicted):,} pictures are called wrong; of these the model was surest.",
        pictures=pictures,
        note="Look at them before you look at the model: some are labelled wrong, or show both.",
    )
