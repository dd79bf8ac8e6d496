"""Detection models: fitting, prediction, saving without pickle, and loading. A new kind of model is one row in `KINDS`."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import cv2
import numpy as np
from torch import nn

from glassbox.data.images.cells import content_of, decoded
from glassbox.errors import GlassboxError
from glassbox.families.detection.boxes import Box
from glassbox.families.detection.coco_labels import match_labels
from glassbox.families.detection.dataset import DetectionDataset, Ints
from glassbox.families.detection.finetuned_detector import clip_boxes, load_finetuned, train_detector
from glassbox.families.detection.networks import MIN_SCORE
from glassbox.families.registry import ModelSpec, Registry
from glassbox.families.vision.image_collection import View
from glassbox.files import read_json, write_bytes, write_json

GRAPH, GRAPH_CONFIG = ".pb", ".pbtxt"
SSD_SIZE = (300, 300)  # pixels at which SSD was trained


class Model(Protocol):
    """A fitted detector."""

    def find(self, view: View) -> list[list[Box]]:
        """Return the boxes on each image with their scores, in pixels of the original image."""
        ...

    def module(self) -> nn.Module | None:
        """Return the detector as one network, as `networks.RawOutputs`; None for a model that is not a torch network."""
        ...

    def save(self, folder: Path) -> None:
        """Write the model into `folder`; the same fit writes the same bytes."""
        ...


@dataclass(frozen=True)
class Fitting:
    """Settings of a fit: hyperparameters, seed, and the file that stores the epochs of an unfinished training."""

    params: Mapping[str, Any]
    seed: int
    checkpoint: Path | None = None


@dataclass(frozen=True)
class DetectorSpec(ModelSpec[Callable[[DetectionDataset, Ints, Fitting], Model], Callable[[Path], Model]]):
    """A kind of detector; `needs` lists the weights of the request that it requires."""

    needs: tuple[str, ...] = ()


# ------------------------------------------------------------------------------------------------------------- nothing


@dataclass(frozen=True)
class Nothing:
    """A baseline that predicts no boxes."""

    def find(self, view: View) -> list[list[Box]]:
        return [[] for _ in range(len(view))]

    def module(self) -> None:
        return None

    def save(self, folder: Path) -> None:
        write_json(folder / "nothing.json", {})


# ---------------------------------------------------------------------------------------------------------- pretrained


@dataclass(frozen=True)
class Pretrained:
    """A detector pretrained on COCO, as a frozen graph for OpenCV; `labels` maps category ids to labels."""

    labels: dict[int, str]
    folder: Path
    _loaded: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    _lock: Any = field(default_factory=threading.Lock, compare=False, repr=False)

    def find(self, view: View) -> list[list[Box]]:
        return [self._detect(view.images.cells[row]) for row in view.rows.tolist()]

    def module(self) -> None:
        return None

    def _detect(self, cell: str | None) -> list[Box]:
        if not isinstance(cell, str) or not self.labels:
            return []
        image = np.asarray(decoded(content_of(cell)))
        height, width = image.shape[:2]
        blob = cv2.dnn.blobFromImage(image[..., ::-1].copy(), size=SSD_SIZE, swapRB=True)
        with self._lock:  # an OpenCV net stores its input, so it is not thread-safe
            net = self._net()
            net.setInput(blob)
            rows = np.array(net.forward(), dtype=np.float64).reshape(-1, 7)
        rows = rows[rows[:, 2] >= MIN_SCORE]
        edges = rows[:, 3:] * np.array([width, height, width, height])
        boxes = np.column_stack([edges[:, :2], edges[:, 2:] - edges[:, :2]])
        known = [i for i, category in enumerate(rows[:, 1].astype(int).tolist()) if category in self.labels]
        labels = [self.labels[int(rows[i, 1])] for i in known]
        return clip_boxes(boxes[known], rows[known, 2].clip(0, 1).tolist(), labels, (width, height))

    def _net(self) -> Any:
        if "net" not in self._loaded:
            cv2.setNumThreads(1)
            graph, config = (_file(self.folder, suffix) for suffix in (GRAPH, GRAPH_CONFIG))
            self._loaded["net"] = cv2.dnn.readNetFromTensorflow(str(graph), str(config))
        return self._loaded["net"]

    def save(self, folder: Path) -> None:
        write_json(folder / "labels.json", {str(category): label for category, label in sorted(self.labels.items())})
        for suffix in (GRAPH, GRAPH_CONFIG):
            path = _file(self.folder, suffix)
            write_bytes(folder / "graph" / f"detector{suffix}", path.read_bytes())


def _file(folder: Path, suffix: str) -> Path:
    paths = sorted(path for path in folder.iterdir() if path.suffix == suffix)
    if len(paths) != 1:
        raise GlassboxError(f"weights.detector: {folder.name} holds {len(paths)} {suffix} files; expected one.")
    return paths[0]


def _fit_pretrained(dataset: DetectionDataset, rows: Ints, fitting: Fitting) -> Pretrained:
    assert dataset.detector is not None
    return Pretrained(match_labels(dataset.labels), dataset.detector)


def _load_pretrained(folder: Path) -> Pretrained:
    labels = {int(category): label for category, label in read_json(folder / "labels.json").items()}
    return Pretrained(labels, folder / "graph")


def _fit_detector(dataset: DetectionDataset, rows: Ints, fitting: Fitting) -> Model:
    return train_detector(dataset, rows, fitting.params, seed=fitting.seed, checkpoint=fitting.checkpoint)


KINDS: Registry[DetectorSpec] = Registry(
    nothing=DetectorSpec(lambda dataset, rows, fitting: Nothing(), lambda folder: Nothing(), 0, learns=False),
    pretrained=DetectorSpec(_fit_pretrained, _load_pretrained, 1, needs=("detector",), pretrained=True),
    detector=DetectorSpec(_fit_detector, load_finetuned, 2, searched=True),
)
