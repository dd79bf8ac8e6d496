"""The kinds of model of pictures: how each is fitted, asked, saved without pickle, and loaded.

A new kind is one row in `KINDS`. Models speak of views of an album and of classes by number.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import nn

from glassbox.errors import GlassboxError
from glassbox.families.classification import baseline_and_ensemble
from glassbox.families.classification.linear_models import Head, standardised
from glassbox.families.registry import kind_in
from glassbox.families.shared.torch_device import device, predict_pool
from glassbox.families.vision.augment import augmented
from glassbox.families.vision.image_dataset import Codes, Floats, ImageCollection, View
from glassbox.families.vision.networks import (
    WEIGHTS,
    Backbone,
    Net,
    architecture,
    mirrored,
    small_stages,
    tensor_of,
    tensors_in,
    write_tensors,
)
from glassbox.families.vision.recipe import Augmentation, Pixels
from glassbox.families.vision.training import learn, seeded
from glassbox.files import read_json, write_json

LATE = 2  # stages of a backbone that are its last block
TOLD, HALF = "net.json", [0.5] * 3
VIEWS = 4  # varied pictures of each that teaches, where only the last stages learn
Unfrozen = {"head": 0, "block": LATE, "all": None}


class Model(Protocol):
    """A fitted model of pictures."""

    def proba(self, view: View) -> Floats:
        """Probabilities of shape (rows, classes)."""
        ...

    def save(self, folder: Path) -> None:
        """Write the model into `folder`: the same fit gives the same bytes."""
        ...

    def module(self, backbones: Sequence[Backbone], side: int) -> nn.Module:
        """The model as one network: pictures (n, 3, side, side) from 0 to 1 to probabilities (n, classes)."""
        ...


@dataclass(frozen=True)
class Fitting:
    """What is asked of a fit besides pictures: hyperparameters, how many classes, seed, how pictures are varied, the file in which
    a network's epochs are kept until it is done, and how many members of an ensemble are fitted side by side."""

    params: Mapping[str, Any]
    classes: int
    seed: int
    augmentation: Augmentation = field(default_factory=Augmentation)
    checkpoint: Path | None = None
    workers: int = 1


@dataclass(frozen=True)
class Kind:
    """One kind of model; `complexity` orders kinds for the question which is the simplest."""

    fit: Callable[[View, Codes, Fitting], Model]
    load: Callable[[Path], Model]
    complexity: int
    learns: bool = True
    searched: bool = True


# ----------------------------------------------------------------------------------------------------------- majority


@dataclass(frozen=True)
class Majority(baseline_and_ensemble.Majority):
    """Says the same of every picture."""

    def module(self, backbones: Sequence[Backbone], side: int) -> nn.Module:
        return _Always(torch.from_numpy(self.shares).float())


def _fit_majority(view: View, y: Codes, asked: Fitting) -> Majority:
    return Majority.of(y, asked.classes)


class _Always(nn.Module):
    def __init__(self, shares: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("shares", shares)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = 0 * x.mean(dim=(1, 2, 3))[:, None] + self.shares[None]
        return found


# --------------------------------------------------------------------------------------------------------- embeddings


@dataclass(frozen=True)
class EmbeddingModel:
    """A linear head on what some backbones say."""

    head: Head
    places: list[int]

    def proba(self, view: View) -> Floats:
        return self.head.proba(view.embeddings(self.places))

    def save(self, folder: Path) -> None:
        self.head.save(folder)
        write_json(folder / "backbones.json", self.places)

    def module(self, backbones: Sequence[Backbone], side: int) -> nn.Module:
        return _Headed([backbones[place].fresh(1) for place in self.places], self.head)


class _Headed(nn.Module):
    """Backbones asked for a picture and its mirror image, under a linear head."""

    def __init__(self, nets: Sequence[Net], head: Head) -> None:
        super().__init__()
        self.nets = nn.ModuleList(nets)
        self.link, self.temperature = head.link, head.temperature
        self.linear = nn.Linear(*head.weights.shape)
        with torch.no_grad():
            self.linear.weight.copy_(torch.from_numpy(head.weights.T.copy()))
            self.linear.bias.copy_(torch.from_numpy(head.bias.copy()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        found = torch.cat([mirrored(net.embedding, x) for net in self.nets], dim=1)
        scores = self.linear(found) / self.temperature
        if scores.shape[1] == 1:
            positive = torch.sigmoid(scores)
            return torch.cat([1 - positive, positive], dim=1)
        made: torch.Tensor = torch.softmax(scores, dim=1)
        return made


def _fit_embeddings(view: View, y: Codes, asked: Fitting) -> EmbeddingModel:
    """Logistic regression on the embeddings."""
    places = [int(place) for place in asked.params.get("backbones", [0])]
    if max(places, default=0) >= len(view.album.backbones):
        raise GlassboxError("no such backbone is named in the request (weights.backbones)")
    x = view.embeddings(places)
    return EmbeddingModel(standardised(x, y, asked.classes, c=float(asked.params.get("C", 0.01)), seed=asked.seed), places)


# ------------------------------------------------------------------------------------------------------------ networks


@dataclass(frozen=True)
class Network:
    """A network that learnt these classes itself: from a backbone, or from nothing."""

    net: Net
    start: str  # the architecture; none: the small network
    side: int  # pixels at which it sees pictures

    def proba(self, view: View) -> Floats:
        return asked_one_by_one(self.module([], 0), view.pixels, view.album.workers)

    def save(self, folder: Path) -> None:
        write_tensors(folder / WEIGHTS, self.net.state_dict())
        write_json(folder / TOLD, {"architecture": self.start, "classes": self.net.head.out_features, "side": self.side})

    def module(self, backbones: Sequence[Backbone], side: int) -> nn.Module:
        return _Answering(self.net, self.side)


class _Answering(nn.Module):
    """A network whose scores are probabilities, at a size of its own: a picture and its mirror image, as they say together."""

    def __init__(self, net: Net, side: int) -> None:
        super().__init__()
        self.net, self.side = net, side

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logs = mirrored(lambda both: torch.log_softmax(self.net(both), dim=1), resized(x, self.side))
        made: torch.Tensor = torch.softmax(logs, dim=1)
        return made


def resized(x: torch.Tensor, side: int) -> torch.Tensor:
    """Pictures at another size, smoothed."""
    if x.shape[-1] == side:
        return x
    return nn.functional.interpolate(x, size=(side, side), mode="bilinear", antialias=True)


def asked_one_by_one(module: nn.Module, pixels: Pixels, workers: int) -> Floats:
    """What a network says of each picture by itself: the same whatever stands beside it."""
    module = module.eval().to(device())

    def one(picture: Pixels) -> Floats:
        with torch.inference_mode():
            found = module(tensor_of(picture[None]))[0].float().cpu().numpy()
        return np.asarray(found, dtype=np.float64)

    with predict_pool(workers) as pool:
        found = np.stack(list(pool.map(one, pixels))) if len(pixels) else np.zeros((0, 2))
    return np.asarray(found / found.sum(axis=1, keepdims=True), dtype=np.float64)


def _fit_network(view: View, y: Codes, asked: Fitting) -> Network:
    """Fine-tune a backbone: its head alone (``unfrozen: head``), its last block too (``block``), or all of it (``all``).

    Statistics of normalisation stay as they were trained: there are few pictures.
    """
    place = int(asked.params.get("backbone", 0))
    if place >= len(view.album.backbones):
        raise GlassboxError("no such backbone is named in the request (weights.backbones)")
    backbone, late = view.album.backbones[place], Unfrozen[str(asked.params.get("unfrozen", "block"))]
    stages = len(list(backbone.net.stages))
    cut = 0 if late is None else stages - late
    side = min(int(asked.params.get("side", view.album.recipe.side)), view.album.recipe.side)
    net: Net = seeded(lambda: backbone.fresh(asked.classes, cut), asked.seed).to(device()).eval()
    for stage in list(net.stages)[:cut]:
        stage.requires_grad_(False)
    varied = _augmentation(asked)
    if cut:
        kept = (backbone.digest, cut, side, varied.model_dump_json(), asked.seed)
        maps = view.album.shared(kept, lambda: _maps(net, view.album, side, varied, asked.seed))
        at = torch.from_numpy(view.at)

        def inputs(rows: Codes, rng: np.random.Generator) -> torch.Tensor:
            return maps[torch.from_numpy(rng.integers(0, len(maps), len(rows))), at[torch.from_numpy(rows)]].to(device()).float()

        learn(_Late(net), inputs, y, asked.params, seed=asked.seed, checkpoint=asked.checkpoint)
    else:
        learn(net, _fresh(view.pixels, side, varied), y, asked.params, seed=asked.seed, checkpoint=asked.checkpoint)
    return Network(net.cpu().eval(), backbone.name, side)


class _Late(nn.Module):
    """What of a network learns."""

    def __init__(self, net: Net) -> None:
        super().__init__()
        self.stages, self.head = net.stages[net.cut :], net.head

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        found: torch.Tensor = self.head(self.stages(maps).mean(dim=(2, 3)))
        return found


def _maps(net: Net, album: ImageCollection, side: int, varied: Augmentation, seed: int) -> torch.Tensor:
    """What the stages that do not learn make of each picture, (views, rows, maps, height, width): as it is, and varied.

    What is drawn for a picture hangs on the picture alone: it is varied in the same way whatever stands beside it.
    """
    pixels, names = album.pixels, album.names

    def one(job: tuple[int, int]) -> torch.Tensor:
        k, row = job
        with torch.inference_mode():
            x = resized(tensor_of(pixels[row][None]), side)
            if k:
                x = augmented(x, varied, np.random.default_rng([seed, int(names[row][:12], 16), k]))
            return net.early(x)[0].cpu().half()

    jobs = [(k, row) for k in range(VIEWS) for row in range(len(pixels))]
    with predict_pool(album.workers) as pool:
        found = torch.stack(list(pool.map(one, jobs)))
    return found.view(VIEWS, len(pixels), *found.shape[1:])


def _fresh(pixels: Pixels, side: int, varied: Augmentation) -> Callable[[Codes, np.random.Generator], torch.Tensor]:
    def inputs(rows: Codes, rng: np.random.Generator) -> torch.Tensor:
        return augmented(resized(tensor_of(pixels[rows]), side), varied, rng)

    return inputs


def _augmentation(asked: Fitting) -> Augmentation:
    """As the recipe says, but for what the hyperparameters say of it."""
    named = {key: asked.params[key] for key in Augmentation.model_fields if key in asked.params}
    return Augmentation.model_validate({**asked.augmentation.model_dump(), **named})


def _fit_small(view: View, y: Codes, asked: Fitting) -> Network:
    """A small network, learnt from nothing."""
    side = min(int(asked.params.get("side", 64)), view.album.recipe.side)
    net: Net = seeded(lambda: Net(small_stages(), (HALF, HALF), asked.classes), asked.seed).to(device()).train()
    learn(net, _fresh(view.pixels, side, _augmentation(asked)), y, asked.params, seed=asked.seed, checkpoint=asked.checkpoint)
    return Network(net.cpu().eval(), "", side)


def _load_network(folder: Path) -> Network:
    told = read_json(folder / TOLD)
    if told["architecture"]:
        stages, colours, _ = architecture(told["architecture"])
        net = Net(stages, colours, told["classes"])
    else:
        net = Net(small_stages(), (HALF, HALF), told["classes"])
    net.load_state_dict(tensors_in(folder / WEIGHTS))
    return Network(net.eval(), told["architecture"], told["side"])


# ----------------------------------------------------------------------------------------------------------- ensemble


@dataclass(frozen=True)
class Ensemble(baseline_and_ensemble.Ensemble):
    """Several models of pictures together."""

    def module(self, backbones: Sequence[Backbone], side: int) -> nn.Module:
        return _Pooled([member.module(backbones, side) for member in self.members], self.weights)


class _Pooled(nn.Module):
    def __init__(self, members: Sequence[nn.Module], weights: Sequence[float]) -> None:
        super().__init__()
        self.members, self.weights = nn.ModuleList(members), list(weights)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logs = [weight * torch.log(member(x).clamp(1e-9, 1.0)) for weight, member in zip(self.weights, self.members, strict=True)]
        made: torch.Tensor = torch.softmax(torch.stack(logs).sum(dim=0), dim=1)
        return made


def _fit_ensemble(view: View, y: Codes, asked: Fitting) -> Ensemble:
    def one(i: int, member: Mapping[str, Any]) -> Model:
        own = None if asked.checkpoint is None else asked.checkpoint.with_suffix(f".{i}")
        return kind_of(member["kind"]).fit(view, y, replace(asked, params=member["params"], checkpoint=own))

    threads = torch.get_num_threads()
    begin = partial(torch.set_num_threads, threads)
    return Ensemble.fit(asked.params["members"], one, workers=asked.workers, threads=threads, initializer=begin)


def _load_ensemble(folder: Path) -> Ensemble:
    return Ensemble.load(folder, lambda kind, own: kind_of(kind).load(own))


KINDS: dict[str, Kind] = {
    "majority": Kind(_fit_majority, Majority.load, 0, learns=False, searched=False),
    "embeddings": Kind(
        _fit_embeddings, lambda folder: EmbeddingModel(Head.load(folder), read_json(folder / "backbones.json")), 1
    ),
    "small_network": Kind(_fit_small, _load_network, 2),
    "fine_tuned": Kind(_fit_network, _load_network, 4),
    "ensemble": Kind(_fit_ensemble, _load_ensemble, 3, searched=False),
}


def kind_of(name: str) -> Kind:
    """The kind of that name; a name that is none is an error that lists them."""
    return kind_in(KINDS, name)


def places_of(kind: str, params: Mapping[str, Any]) -> list[int]:
    """The backbones that a fitted model of this kind still asks, by place, sorted."""
    if kind == "ensemble":
        return sorted({place for member in params["members"] for place in places_of(member["kind"], member["params"])})
    return sorted({int(place) for place in params.get("backbones", [0])}) if kind == "embeddings" else []
