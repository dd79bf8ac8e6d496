"""Detectors trained on the labels of the request, on a backbone or from scratch."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from glassbox.errors import GlassboxError
from glassbox.families.detection.augment import augment
from glassbox.families.detection.boxes import Box, Floats, xywh
from glassbox.families.detection.dataset import DetectionDataset, Ints
from glassbox.families.detection.networks import (
    Detector,
    RawOutputs,
    Target,
    TrainableLayers,
    decode_boxes,
    flip_average,
    loss_of,
    small_stages,
)
from glassbox.families.detection.recipe import Augmentation, image_size, letterbox, round_side
from glassbox.families.shared.torch_device import device, predict_pool
from glassbox.families.vision.image_collection import View
from glassbox.families.vision.models import NO_BACKBONE, resize
from glassbox.families.vision.networks import WEIGHTS, build_architecture, read_tensors, to_tensor, write_tensors
from glassbox.families.vision.recipe import Pixels
from glassbox.families.vision.training import train_network, with_seed
from glassbox.files import read_json, write_json

DESCRIPTION, HALF = "net.json", [0.5] * 3
TRAINABLE_SEGMENTS = {"head": 0, "block": 1, "half": 2, "all": 99}  # the last segments of a backbone
VIEWS = 10  # augmented copies of each training image, where the first segments are frozen
MAX_MAP_BYTES = 1 << 30  # of cached feature maps: with more images there are fewer views of each
Batch = tuple[list[torch.Tensor], list[Target]]
DEFAULTS: dict[str, Any] = {
    "epochs": 20,
    "batch": 8,
    "learning_rate": 2e-3,
    "backbone_pace": 0.1,  # share of the learning rate: a high rate destroys the pretrained weights
    "weight_decay": 0.01,
    "unfrozen": "half",
    "finest": 16,
}


@dataclass(frozen=True)
class FinetunedDetector:
    """A network trained on the labels of the request.

    Attributes
    ----------
    architecture
        The architecture of the backbone; empty for the small network.
    side
        Width and height in pixels at which it receives images.
    finest
        The smallest stride of a feature map from which boxes are predicted.
    """

    net: Detector
    labels: list[str]
    architecture: str
    side: int
    finest: int

    def find(self, view: View) -> list[list[Box]]:
        """Return the boxes on each image in its own pixels, by descending score.

        Each image is processed on its own and averaged with its mirror image, so its boxes do not depend on the other rows.
        """
        net = self.net.eval().to(device(), memory_format=torch.channels_last)  # one order of summation, trained or loaded

        def detect(row: int) -> list[Box]:
            cell = view.images.cells[row]
            return self._detect(net, view.images.recipe.pixels(cell), image_size(cell))

        with predict_pool(view.images.workers) as pool:
            return list(pool.map(detect, view.rows.tolist()))

    def _detect(self, net: Detector, pixels: Pixels, size: tuple[int, int]) -> list[Box]:
        with torch.inference_mode():
            outputs = flip_average(net, resize(to_tensor(np.array(pixels[None])), self.side))
            detections = decode_boxes(net, outputs, self.side)
        edges = detections["boxes"].cpu().numpy().astype(np.float64)
        boxes = np.column_stack([edges[:, :2], edges[:, 2:] - edges[:, :2]])
        labels = [self.labels[k] for k in detections["labels"].tolist()]
        return clip_boxes(letterbox(size, self.side).to_image(boxes), detections["scores"].tolist(), labels, size)

    def module(self) -> torch.nn.Module:
        """Return the detector as one network, before non-maximum suppression."""
        return RawOutputs(self.net.cpu(), self.side)

    def save(self, folder: Path) -> None:
        """Write the weights as safetensors and the description as JSON."""
        write_tensors(folder / WEIGHTS, self.net.state_dict())
        description = {"architecture": self.architecture, "labels": self.labels, "side": self.side, "finest": self.finest}
        write_json(folder / DESCRIPTION, description)


def clip_boxes(boxes: Floats, scores: Sequence[float], labels: Sequence[str], size: tuple[int, int]) -> list[Box]:
    """Clip boxes (n, 4), x, y, width and height, to an image; boxes of less than half a pixel inside it are removed."""
    width, height = size
    clipped = []
    for (x, y, box_width, box_height), score, label in zip(boxes.tolist(), scores, labels, strict=True):
        left, top = max(0.0, x), max(0.0, y)
        right, bottom = min(float(width), x + box_width), min(float(height), y + box_height)
        if right - left >= 0.5 and bottom - top >= 0.5:
            clipped.append(Box(left, top, right - left, bottom - top, label, float(score)))
    return clipped


def load_finetuned(folder: Path) -> FinetunedDetector:
    """Load a detector written by `FinetunedDetector.save`."""
    description = read_json(folder / DESCRIPTION)
    labels = description["labels"]

    def make() -> Detector:
        if not description["architecture"]:
            return Detector(small_stages(), (HALF, HALF), len(labels), description["finest"])
        stages, normalisation, _ = build_architecture(description["architecture"])
        return Detector(stages, normalisation, len(labels), description["finest"])

    net: Detector = with_seed(make, 0)
    net.load_state_dict(read_tensors(folder / WEIGHTS))
    return FinetunedDetector(net.eval(), labels, description["architecture"], description["side"], description["finest"])


# ------------------------------------------------------------------------------------------------------------ training


def train_detector(
    dataset: DetectionDataset, rows: Ints, params: Mapping[str, Any], *, seed: int, checkpoint: Path | None
) -> FinetunedDetector:
    """Train a detector on some rows.

    Parameters
    ----------
    params
        ``start`` (``backbone``, or ``nothing``), ``backbone`` (its index), ``unfrozen`` (``head``, ``block``, ``half`` or ``all`` of the
        backbone), ``finest`` (stride), ``side``, and the parameters of `vision.training.train_network` and of the augmentation.

    Raises
    ------
    GlassboxError
        When the request does not list the backbone.
    """
    settings = {**DEFAULTS, **params}
    side = min(round_side(float(settings.get("side", dataset.recipe.side))), dataset.recipe.side)
    net, architecture = _initial_network(dataset, settings, seed)
    net = net.to(device())
    for segment in list(net.segments)[: net.frozen]:
        segment.requires_grad_(False)
    data = TrainingData.of(dataset, rows, side, _augmentation(dataset.recipe.augmentation, settings))
    inputs = _cached_batches(net, data, seed, dataset.images.workers) if net.frozen else _augmented_batches(net, data)

    def loss(module: torch.nn.Module, batch: Batch, chosen: Ints) -> torch.Tensor:
        maps, targets = batch
        return loss_of(net, module(maps), targets, side)

    def rate_of(name: str) -> float:
        return float(settings["backbone_pace"]) if architecture and name.startswith("segments.") else 1.0

    no_classes = np.zeros(len(rows), dtype=np.int64)
    layers = TrainableLayers(net)
    train_network(layers, inputs, no_classes, settings, seed=seed, checkpoint=checkpoint, loss_of=loss, rate_of=rate_of)
    return FinetunedDetector(net.cpu().eval(), dataset.labels, architecture, side, int(settings["finest"]))


def _initial_network(dataset: DetectionDataset, settings: Mapping[str, Any], seed: int) -> tuple[Detector, str]:
    labels, finest = len(dataset.labels), int(settings["finest"])
    if settings.get("start", "backbone") == "nothing":
        small: Detector = with_seed(lambda: Detector(small_stages(), (HALF, HALF), labels, finest), seed)
        return small.train(), ""
    backbones, index = dataset.images.backbones, int(settings.get("backbone", 0))
    if index >= len(backbones):
        raise GlassboxError(NO_BACKBONE.format(count=len(backbones), index=index))
    backbone = backbones[index]

    def make() -> Detector:
        pretrained = backbone.new_network(1)
        normalisation = (pretrained.mean.flatten().tolist(), pretrained.std.flatten().tolist())
        net = Detector(list(pretrained.stages), normalisation, labels, finest)
        net.frozen = max(0, len(net.segments) - TRAINABLE_SEGMENTS[str(settings["unfrozen"])])
        return net

    network: Detector = with_seed(make, seed)
    return network.eval(), backbone.name  # normalisation statistics are not updated: there are too few images


@dataclass(frozen=True)
class TrainingData:
    """The training images at the input size of the network, and their boxes in the same pixels."""

    pixels: Pixels
    edges: list[torch.Tensor]  # (n, 4) left, top, right and bottom
    labels: list[torch.Tensor]
    side: int
    augmentation: Augmentation

    @classmethod
    def of(cls, dataset: DetectionDataset, rows: Ints, side: int, augmentation: Augmentation) -> "TrainingData":
        """Collect the training data of some rows."""
        codes = {name: k for k, name in enumerate(dataset.labels)}
        edges, labels = [], []
        for i in rows.tolist():
            boxes = letterbox(dataset.sizes[i], side).to_square(xywh(dataset.boxes[i]))
            corners = np.column_stack([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]])
            edges.append(torch.from_numpy(corners).float())
            labels.append(torch.tensor([codes[box.label] for box in dataset.boxes[i]], dtype=torch.int64))
        return cls(dataset.view(rows).pixels, edges, labels, side, augmentation)

    def example(self, row: int, rng: np.random.Generator | None) -> tuple[torch.Tensor, Target]:
        """Return an image (3, side, side) and its boxes; both are augmented if a random generator is passed."""
        x = resize(to_tensor(np.array(self.pixels[row][None]), torch.device("cpu")), self.side)[0]
        if rng is None:
            return x, self._target(self.edges[row], self.labels[row])
        x, edges, visible = augment(x, self.edges[row], self.augmentation, rng)
        return x, self._target(edges, self.labels[row][visible])

    @staticmethod
    def _target(edges: torch.Tensor, labels: torch.Tensor) -> Target:
        return {"boxes": edges.to(device()), "labels": labels.to(device())}


def _augmented_batches(net: Detector, data: TrainingData) -> Callable[[Ints, np.random.Generator], Batch]:
    def inputs(rows: Ints, rng: np.random.Generator) -> Batch:
        examples = [data.example(row, rng) for row in rows.tolist()]
        x = torch.stack([image for image, _ in examples]).to(device())
        return net.early(x), [target for _, target in examples]

    return inputs


def _cached_batches(net: Detector, data: TrainingData, seed: int, workers: int) -> Callable[[Ints, np.random.Generator], Batch]:
    """Compute the output of the frozen segments once, for each image and some augmented copies of it."""

    def compute(k: int, row: int) -> tuple[list[torch.Tensor], Target]:
        x, target = data.example(row, np.random.default_rng([seed, row, k]) if k else None)
        with torch.inference_mode():
            return [level[0].half().cpu() for level in net.early(x[None].to(device()))], target

    count = len(data.edges)
    net.to(memory_format=torch.channels_last)  # the same numbers up to rounding, in two thirds of the time on a CPU
    first, _ = compute(0, 0)
    views = max(1, min(VIEWS, MAX_MAP_BYTES // (count * sum(level.nbytes for level in first))))
    with predict_pool(workers) as pool:
        examples = list(pool.map(lambda job: compute(*job), [(k, row) for k in range(views) for row in range(count)]))
    levels = [torch.stack([maps[i] for maps, _ in examples]).clone() for i in range(len(first))]

    def inputs(rows: Ints, rng: np.random.Generator) -> Batch:
        indices = rng.integers(0, views, len(rows)) * count + rows
        chosen = torch.from_numpy(indices)
        return [level[chosen].to(device()).float() for level in levels], [examples[i][1] for i in indices.tolist()]

    return inputs


def _augmentation(augmentation: Augmentation, settings: Mapping[str, Any]) -> Augmentation:
    """Return the augmentation of the recipe, overridden by the hyperparameters."""
    overrides = {key: settings[key] for key in Augmentation.model_fields if key in settings}
    return Augmentation.model_validate({**augmentation.model_dump(), **overrides})
