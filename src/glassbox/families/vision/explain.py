"""Explanations of image predictions: Grad-CAM heatmaps, and the errors with the highest predicted probability."""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import pandas as pd
import torch

from glassbox.families.classification.class_report import confident_errors
from glassbox.families.classification.dataset import codes_of
from glassbox.families.classification.example_selection import select_examples
from glassbox.families.shared.torch_device import device
from glassbox.families.vision.models import EmbeddingModel, Ensemble, Model, Network, resize
from glassbox.families.vision.networks import Net, to_tensor
from glassbox.families.vision.predictor import VisionPredictor
from glassbox.families.vision.recipe import Pixels
from glassbox.families.vision.thumbnails import cell_thumbnail, pixels_thumbnail
from glassbox.findings.model import Pictures
from glassbox.findings.wording import clean, number

MOST_ERRORS = 12
Heatmap = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _CamNetwork:
    """A network with the weights of its last feature maps for each class, (maps, classes), at an input size of `side` pixels."""

    net: Net
    class_weights: npt.NDArray[np.float64]
    side: int
    name: str


def grad_cam(predictor: VisionPredictor, pixels: Pixels, label: int) -> tuple[Heatmap, str] | None:
    """Return the Grad-CAM heatmap of a class, (side, side) from 0 to 1, and the name of the network that it comes from.

    Grad-CAM (Selvaraju et al. 2017, eq. 1 and 2). With global average pooling and a linear head, the gradient of a score by a map
    is the weight of the class, so the heatmap is the positive part of the weighted sum of the maps (Zhou et al. 2016, eq. 2).
    None for a model that does not use the image.
    """
    cam = _cam_network(predictor, predictor.model)
    if cam is None:
        return None
    with torch.inference_mode():
        x = resize(to_tensor(pixels[None]), cam.side)
        maps = cam.net.stages((x - cam.net.mean) / cam.net.std)[0].float().cpu().numpy().astype(np.float64)
    heat = np.maximum(np.tensordot(cam.class_weights[:, label], maps, axes=1), 0)
    heat = heat / heat.max() if heat.max() > 0 else heat
    return np.asarray(cv2.resize(heat, pixels.shape[:2], interpolation=cv2.INTER_LINEAR), dtype=np.float64), cam.name


def _cam_network(predictor: VisionPredictor, model: Model) -> _CamNetwork | None:
    classes = len(predictor.classes)
    if isinstance(model, Network):
        weights = model.net.head.weight.detach().cpu().numpy().T.astype(np.float64)
        centred = weights - weights.mean(axis=1, keepdims=True)
        return _CamNetwork(model.net.eval().to(device()), centred, model.side, model.architecture or "the small network")
    if isinstance(model, EmbeddingModel):
        backbone = predictor.backbones[model.backbone_indices[0]]
        width = backbone.net.head.in_features
        weights = model.head.weights[:width].astype(np.float64)
        if weights.shape[1] == 1 and classes == 2:
            weights = np.column_stack([-weights[:, 0], weights[:, 0]])
        return _CamNetwork(backbone.net, weights - weights.mean(axis=1, keepdims=True), predictor.recipe.side, backbone.name)
    if isinstance(model, Ensemble):
        for member in np.argsort(-np.array(model.weights), kind="stable"):
            if (cam := _cam_network(predictor, model.members[int(member)])) is not None:
                return cam
    return None


def overlay_heatmap(pixels: Pixels, heat: Heatmap) -> Pixels:
    """Blend an image with its heatmap: hot regions keep their colours, the rest is faded."""
    image = pixels.astype(np.float64)
    faded = 0.25 * image.mean(axis=2, keepdims=True) + 0.75 * 235
    return np.asarray(np.clip(heat[..., None] * image + (1 - heat[..., None]) * faded, 0, 255), dtype=np.uint8)


def grad_cam_examples(predictor: VisionPredictor, holdout: pd.DataFrame, predicted: pd.DataFrame) -> Pictures:
    """Show selected holdout images, each beside the Grad-CAM overlay of its predicted class."""
    rows = holdout.set_index("row_id").loc[predicted["row_id"]].reset_index()
    proba = predicted[[f"proba_{name}" for name in predictor.classes]].to_numpy(dtype=np.float64)
    truth = codes_of(predicted["y_true"], predictor.classes)
    pictures, network = [], ""
    for case in select_examples(proba, truth, predictor.positive_at, predictor.threshold):
        cell = str(rows[predictor.recipe.column].iloc[case.at])
        pixels = predictor.recipe.pixels(cell)
        label, true_label = clean(predictor.classes[case.label]), clean(predictor.classes[truth[case.at]])
        probability = number(float(proba[case.at, case.label]), ".0%")
        head = f"{case.why}: predicted {label} with {probability}; labelled {true_label}"
        pictures.append(cell_thumbnail(cell, head, f"a picture labelled {true_label}"))
        cam = grad_cam(predictor, pixels, case.label)
        if cam is not None:
            heat, network = cam
            alt = f"the same picture, faded except for the evidence for {label}"
            pictures.append(pixels_thumbnail(overlay_heatmap(pixels, heat), f"Evidence for {label}", alt))
    say = "The coloured regions support the predicted class; the faded regions do not."
    return Pictures(
        title="Grad-CAM",
        say=say if network else "The model does not use the picture.",
        pictures=pictures,
        note=f"Computed from {network}. Grad-CAM is coarse, and explains one network of an ensemble." if network else "",
    )


def error_examples(predictor: VisionPredictor, holdout: pd.DataFrame, predicted: pd.DataFrame) -> Pictures:
    """Show the errors with the highest predicted probability."""
    rows = holdout.set_index("row_id").loc[predicted["row_id"]].reset_index()
    wrong, probabilities = confident_errors(predicted, predictor.classes)
    cells = rows[predictor.recipe.column]
    # An image that occurs twice is shown once.
    first = np.unique(cells.to_numpy()[wrong].astype(str), return_index=True)[1]
    pictures = [
        cell_thumbnail(
            str(cells.iloc[i]),
            f"Predicted {clean(predicted['y_pred'].iloc[i])} with {number(float(probabilities[i]), '.0%')}, "
            f"labelled {clean(predicted['y_true'].iloc[i])}",
            f"a picture labelled {clean(predicted['y_true'].iloc[i])}",
        )
        for i in wrong[np.sort(first)[:MOST_ERRORS]]
    ]
    if not pictures:
        return Pictures(title="Error analysis", say="No picture of the holdout is misclassified.", pictures=[])
    return Pictures(
        title="Error analysis",
        say=f"{len(wrong):,} of {len(predicted):,} pictures are misclassified; these have the highest predicted probability.",
        pictures=pictures,
        note="Review the labels before the model: some pictures are labelled wrongly, or show more than one class.",
    )
