"""The kinds of detector: how each is fitted, asked, saved without pickle, and loaded. A new kind is one row in `KINDS`."""

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
from glassbox.families.detection.coco_labels import answers
from glassbox.families.detection.dataset import DetectionDataset, Ints
from glassbox.families.detection.finetuned_detector import load_finetuned, train_detector, within
from glassbox.families.detection.networks import MIN_SCORE
from glassbox.families.registry import kind_in
from glassbox.families.vision.image_collection import View
from glassbox.files import read_json, write_bytes, write_json

GRAPH, DESCRIBED = ".pb", ".pbtxt"
SEEN = (300, 300)  # pixels at which SSD was trained


class Model(Protocol):
    """A fitted detector."""

    def find(self, view: View) -> list[list[Box]]:
        """The boxes on each picture with their scores, in the picture's own pixels."""
        ...

    def module(self) -> nn.Module | None:
        """The detector as one network, see `networks.Answers`; None where it is none of torch's."""
        ...

    def save(self, folder: Path) -> None:
        """Write it into `folder`: the same fit gives the same bytes."""
        ...


@dataclass(frozen=True)
class Fitting:
    """What is asked of a fit besides pictures: hyperparameters, seed, and the file in which epochs are kept until it is done."""

    params: Mapping[str, Any]
    seed: int
    checkpoint: Path | None = None


@dataclass(frozen=True)
class Kind:
    """One kind of detector; `needs` says which weights it cannot do without."""

    fit: Callable[[DetectionDataset, Ints, Fitting], Model]
    load: Callable[[Path], Model]
    complexity: int
    learns: bool = True
    searched: bool = False
    needs: tuple[str, ...] = ()


# ------------------------------------------------------------------------------------------------------------- nothing


@dataclass(frozen=True)
class Nothing:
    """Says that there is nothing, of every picture."""

    def find(self, view: View) -> list[list[Box]]:
        return [[] for _ in range(len(view))]

    def module(self) -> None:
        return None

    def save(self, folder: Path) -> None:
        write_json(folder / "nothing.json", {})


# --------------------------------------------------------------------------------------------------------- as it comes


@dataclass(frozen=True)
class Pretrained:
    """A detector trained on COCO, a frozen graph that OpenCV reads; `labels` says which of its numbers is which label."""

    labels: dict[int, str]
    folder: Path
    _loaded: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)
    _one_at_a_time: Any = field(default_factory=threading.Lock, compare=False, repr=False)

    def find(self, view: View) -> list[list[Box]]:
        return [self._of(view.images.cells[at]) for at in view.at.tolist()]

    def module(self) -> None:
        return None

    def _of(self, cell: str | None) -> list[Box]:
        if not isinstance(cell, str) or not self.labels:
            return []
        picture = np.asarray(decoded(content_of(cell)))
        height, width = picture.shape[:2]
        blob = cv2.dnn.blobFromImage(picture[..., ::-1].copy(), size=SEEN, swapRB=True)
        with self._one_at_a_time:  # a net of OpenCV holds what it was last asked
            net = self._net()
            net.setInput(blob)
            rows = np.array(net.forward(), dtype=np.float64).reshape(-1, 7)
        rows = rows[rows[:, 2] >= MIN_SCORE]
        edges = rows[:, 3:] * np.array([width, height, width, height])
        where = np.column_stack([edges[:, :2], edges[:, 2:] - edges[:, :2]])
        known = [i for i, number in enumerate(rows[:, 1].astype(int).tolist()) if number in self.labels]
        kinds = [self.labels[int(rows[i, 1])] for i in known]
        return within(where[known], rows[known, 2].clip(0, 1).tolist(), kinds, (width, height))

    def _net(self) -> Any:
        if "net" not in self._loaded:
            cv2.setNumThreads(1)
            graph, described = (_file(self.folder, ending) for ending in (GRAPH, DESCRIBED))
            self._loaded["net"] = cv2.dnn.readNetFromTensorflow(str(graph), str(described))
        return self._loaded["net"]

    def save(self, folder: Path) -> None:
        write_json(folder / "labels.json", {str(number): label for number, label in sorted(self.labels.items())})
        for ending in (GRAPH, DESCRIBED):
            path = _file(self.folder, ending)
            write_bytes(folder / "graph" / f"detector{ending}", path.read_bytes())


def _file(folder: Path, ending: str) -> Path:
    found = sorted(path for path in folder.iterdir() if path.suffix == ending)
    if len(found) != 1:
        raise GlassboxError(f"weights.detector: {folder.name} holds {len(found)} files that end in {ending}; expected one.")
    return found[0]


def _fit_as_it_comes(scenes: DetectionDataset, rows: Ints, asked: Fitting) -> Pretrained:
    assert scenes.detector is not None
    return Pretrained(answers(scenes.labels), scenes.detector)


def _load_as_it_comes(folder: Path) -> Pretrained:
    return Pretrained({int(number): label for number, label in read_json(folder / "labels.json").items()}, folder / "graph")


KINDS: dict[str, Kind] = {
    "nothing": Kind(lambda scenes, rows, asked: Nothing(), lambda folder: Nothing(), 0, learns=False),
    "as_it_comes": Kind(_fit_as_it_comes, _load_as_it_comes, 1, needs=("detector",)),
    "detector": Kind(
        lambda scenes, rows, asked: train_detector(scenes, rows, asked.params, seed=asked.seed, checkpoint=asked.checkpoint),
        load_finetuned,
        2,
        searched=True,
    ),
}


def kind_of(name: str) -> Kind:
    """The kind of that name; a name that is none is an error that lists them."""
    return kind_in(KINDS, name)
