"""The detector that learns these labels itself: from a backbone, or from nothing. How it is taught, asked, saved and loaded."""

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
    RawOutputs,
    Detector,
    TrainableLayers,
    Target,
    flip_average,
    loss_of,
    decode_boxes,
    small_stages,
)
from glassbox.families.detection.recipe import Augmentation, letterbox, image_size, round_side
from glassbox.families.shared.torch_device import device, predict_pool
from glassbox.families.vision.image_collection import View
from glassbox.families.vision.models import resize
from glassbox.families.vision.networks import WEIGHTS, build_architecture, to_tensor, read_tensors, write_tensors
from glassbox.families.vision.recipe import Pixels
from glassbox.families.vision.training import train_network, with_seed
from glassbox.files import read_json, write_json

TOLD, HALF = "net.json", [0.5] * 3
LEARNING = {"head": 0, "block": 1, "half": 2, "all": 99}  # segments of a backbone that learn, the last ones
VIEWS = 10  # varied pictures of each that teaches, where the first segments do not learn
HELD = 1 << 30  # bytes of maps that are held at once: with more pictures, fewer views of each
Given = tuple[list[torch.Tensor], list[Target]]
DEFAULTS: dict[str, Any] = {
    "epochs": 20,
    "batch": 8,
    "learning_rate": 2e-3,
    "backbone_pace": 0.1,  # of the learning rate: what was learnt elsewhere is not to be forgotten
    "weight_decay": 0.01,
    "unfrozen": "half",
    "finest": 16,
}


@dataclass(frozen=True)
class FinetunedDetector:
    """A network that learnt these labels.

    Attributes
    ----------
    start
        The architecture of the backbone; empty: the small network.
    side
        Pixels at which it sees pictures.
    finest
        The stride of the finest maps that it reads boxes from.
    """

    net: Detector
    labels: list[str]
    start: str
    side: int
    finest: int

    def find(self, view: View) -> list[list[Box]]:
        """The boxes on each picture, in its own pixels, best first: the same whatever stands beside it. Its mirror image is asked too."""
        net = self.net.eval().to(device(), memory_format=torch.channels_last)  # in one order of sums, learnt or loaded

        def one(at: int) -> list[Box]:
            cell = view.images.cells[at]
            return self._of(net, view.images.recipe.pixels(cell), image_size(cell))

        with predict_pool(view.images.workers) as pool:
            return list(pool.map(one, view.at.tolist()))

    def _of(self, net: Detector, pixels: Pixels, size: tuple[int, int]) -> list[Box]:
        with torch.inference_mode():
            said = flip_average(net, resize(to_tensor(np.array(pixels[None])), self.side))
            found = decode_boxes(net, said, self.side)
        edges = found["boxes"].cpu().numpy().astype(np.float64)
        where = np.column_stack([edges[:, :2], edges[:, 2:] - edges[:, :2]])
        kinds = [self.labels[k] for k in found["labels"].tolist()]
        return within(letterbox(size, self.side).back(where), found["scores"].tolist(), kinds, size)

    def module(self) -> torch.nn.Module:
        """The detector as one network, without the thinning out."""
        return RawOutputs(self.net.cpu(), self.side)

    def save(self, folder: Path) -> None:
        """Write it: weights in safetensors, all else as JSON."""
        write_tensors(folder / WEIGHTS, self.net.state_dict())
        told = {"architecture": self.start, "labels": self.labels, "side": self.side, "finest": self.finest}
        write_json(folder / TOLD, told)


def within(where: Floats, scores: Sequence[float], labels: Sequence[str], size: tuple[int, int]) -> list[Box]:
    """Boxes (n, 4) as far as they lie on a picture; those that do not are left out."""
    width, height = size
    made = []
    for (x, y, wide, high), score, label in zip(where.tolist(), scores, labels, strict=True):
        left, top, right, bottom = max(0.0, x), max(0.0, y), min(float(width), x + wide), min(float(height), y + high)
        if right - left >= 0.5 and bottom - top >= 0.5:
            made.append(Box(left, top, right - left, bottom - top, label, float(score)))
    return made


def load_finetuned(folder: Path) -> FinetunedDetector:
    """What `Learnt.save` wrote."""
    told = read_json(folder / TOLD)

    def make() -> Detector:
        if not told["architecture"]:
            return Detector(small_stages(), (HALF, HALF), len(told["labels"]), told["finest"])
        stages, colours, _ = build_architecture(told["architecture"])
        return Detector(stages, colours, len(told["labels"]), told["finest"])

    net: Detector = with_seed(make, 0)
    net.load_state_dict(read_tensors(folder / WEIGHTS))
    return FinetunedDetector(net.eval(), told["labels"], told["architecture"], told["side"], told["finest"])


# ------------------------------------------------------------------------------------------------------------ learning


def train_detector(scenes: DetectionDataset, rows: Ints, params: Mapping[str, Any], *, seed: int, checkpoint: Path | None) -> FinetunedDetector:
    """Teach a detector by some rows.

    Parameters
    ----------
    params
        ``start`` (``backbone``, or ``nothing``), ``backbone`` (its place), ``unfrozen`` (``head``, ``block``, ``half`` or ``all`` of the
        backbone), ``finest`` (stride), ``side``, what `vision.training.learn` reads, and what augmentation reads.

    Raises
    ------
    GlassboxError
        When the request does not name the backbone.
    """
    told = {**DEFAULTS, **params}
    side = min(round_side(float(told.get("side", scenes.recipe.side))), scenes.recipe.side)
    net, start = _begun(scenes, told, seed)
    net = net.to(device())
    for segment in list(net.segments)[: net.frozen]:
        segment.requires_grad_(False)
    lessons = TrainingData.of(scenes, rows, side, _augmentation(scenes.recipe.augmentation, told))
    inputs = _kept(net, lessons, seed, scenes.album.workers) if net.frozen else _fresh(net, lessons)

    def loss(module: torch.nn.Module, given: Given, chosen: Ints) -> torch.Tensor:
        maps, targets = given
        return loss_of(net, module(maps), targets, side)

    def pace(name: str) -> float:
        return float(told["backbone_pace"]) if start and name.startswith("segments.") else 1.0

    nobody = np.zeros(len(rows), dtype=np.int64)
    train_network(TrainableLayers(net), inputs, nobody, told, seed=seed, checkpoint=checkpoint, loss_of=loss, pace=pace)
    return FinetunedDetector(net.cpu().eval(), scenes.labels, start, side, int(told["finest"]))


def _begun(scenes: DetectionDataset, told: Mapping[str, Any], seed: int) -> tuple[Detector, str]:
    labels, finest = len(scenes.labels), int(told["finest"])
    if told.get("start", "backbone") == "nothing":
        made: Detector = with_seed(lambda: Detector(small_stages(), (HALF, HALF), labels, finest), seed)
        return made.train(), ""
    place = int(told.get("backbone", 0))
    if place >= len(scenes.album.backbones):
        raise GlassboxError("no such backbone is named in the request (weights.backbones)")
    backbone = scenes.album.backbones[place]

    def make() -> Detector:
        whole = backbone.new_network(1)
        stages = list(whole.stages)
        colours = (whole.mean.flatten().tolist(), whole.spread.flatten().tolist())
        net = Detector(stages, colours, labels, finest)
        net.frozen = max(0, len(net.segments) - LEARNING[str(told["unfrozen"])])
        return net

    made = with_seed(make, seed)
    return made.eval(), backbone.name  # statistics of normalisation stay as they were trained: there are few pictures


@dataclass(frozen=True)
class TrainingData:
    """What teaches: pictures as they are seen, and their boxes in the same pixels."""

    pixels: Pixels
    edges: list[torch.Tensor]  # (n, 4) left, top, right and bottom
    labels: list[torch.Tensor]
    side: int
    augmentation: Augmentation

    @classmethod
    def of(cls, scenes: DetectionDataset, rows: Ints, side: int, augmentation: Augmentation) -> "Lessons":
        place = {name: k for k, name in enumerate(scenes.labels)}
        edges, labels = [], []
        for i in rows.tolist():
            where = letterbox(scenes.sizes[i], side).seen(xywh(scenes.boxes[i]))
            corners = np.column_stack([where[:, :2], where[:, :2] + where[:, 2:]])
            edges.append(torch.from_numpy(corners).float())
            labels.append(torch.tensor([place[box.label] for box in scenes.boxes[i]], dtype=torch.int64))
        return cls(scenes.view(rows).pixels, edges, labels, side, augmentation)

    def one(self, row: int, rng: np.random.Generator | None) -> tuple[torch.Tensor, Target]:
        """A picture (3, side, side) with its boxes; varied, where there is a generator to draw from."""
        x = resize(to_tensor(np.array(self.pixels[row][None]), torch.device("cpu")), self.side)[0]
        if rng is None:
            return x, self._target(self.edges[row], self.labels[row])
        x, edges, left = augment(x, self.edges[row], self.augmentation, rng)
        return x, self._target(edges, self.labels[row][left])

    @staticmethod
    def _target(edges: torch.Tensor, labels: torch.Tensor) -> Target:
        return {"boxes": edges.to(device()), "labels": labels.to(device())}


def _fresh(net: Detector, lessons: TrainingData) -> Callable[[Ints, np.random.Generator], Given]:
    def inputs(rows: Ints, rng: np.random.Generator) -> Given:
        some = [lessons.one(row, rng) for row in rows.tolist()]
        x = torch.stack([picture for picture, _ in some]).to(device())
        return net.early(x), [target for _, target in some]

    return inputs


def _kept(net: Detector, lessons: TrainingData, seed: int, workers: int) -> Callable[[Ints, np.random.Generator], Given]:
    """Each picture in some views, as it is and varied, gone through what does not learn once and for all."""

    def see(k: int, row: int) -> tuple[list[torch.Tensor], Target]:
        x, target = lessons.one(row, np.random.default_rng([seed, row, k]) if k else None)
        with torch.inference_mode():
            return [one[0].half().cpu() for one in net.early(x[None].to(device()))], target

    count = len(lessons.edges)
    net.to(memory_format=torch.channels_last)  # the same numbers within a rounding, in two thirds of the time on a processor
    first, _ = see(0, 0)
    views = max(1, min(VIEWS, HELD // (count * sum(one.nbytes for one in first))))
    with predict_pool(workers) as pool:
        found = list(pool.map(lambda job: see(*job), [(k, row) for k in range(views) for row in range(count)]))
    levels = [torch.stack([maps[i] for maps, _ in found]).clone() for i in range(len(first))]

    def inputs(rows: Ints, rng: np.random.Generator) -> Given:
        at = rng.integers(0, views, len(rows)) * count + rows
        chosen = torch.from_numpy(at)
        return [level[chosen].to(device()).float() for level in levels], [found[i][1] for i in at.tolist()]

    return inputs


def _augmentation(given: Augmentation, told: Mapping[str, Any]) -> Augmentation:
    """As the recipe says, but for what the hyperparameters say of it."""
    named = {key: told[key] for key in Augmentation.model_fields if key in told}
    return Augmentation.model_validate({**given.model_dump(), **named})
