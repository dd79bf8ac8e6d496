"""Image classification models: fitting, prediction, saving without pickle, and loading.

A new kind of model is one row in `KINDS`. Models work on views of an image collection and on classes encoded as integers.
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
from glassbox.families.classification.ensemble_fit import fit_members
from glassbox.families.classification.linear_models import Head, standardised
from glassbox.families.registry import ModelSpec, Registry
from glassbox.families.shared.torch_device import device, predict_pool
from glassbox.families.vision.augment import augment
from glassbox.families.vision.image_collection import Codes, Floats, ImageCollection, View
from glassbox.families.vision.networks import (
    WEIGHTS,
    Backbone,
    Net,
    build_architecture,
    flip_average,
    read_tensors,
    small_stages,
    to_tensor,
    write_tensors,
)
from glassbox.families.vision.recipe import Augmentation, Pixels
from glassbox.families.vision.training import train_network, with_seed
from glassbox.files import read_json, write_json

LAST_BLOCK = 2  # stages of a backbone
DESCRIPTION, HALF = "net.json", [0.5] * 3
VIEWS = 4  # augmented copies of each training image, where the first stages are frozen
TRAINABLE_STAGES = {"head": 0, "block": LAST_BLOCK, "all": None}
NO_BACKBONE = "weights.backbones: the request lists {count} backbones; backbone {index} was requested. Add it to the list."


class Model(Protocol):
    """A fitted image classifier."""

    def proba(self, view: View) -> Floats:
        """Predict probabilities of shape (rows, classes)."""
        ...

    def save(self, folder: Path) -> None:
        """Write the model into `folder`; the same fit writes the same bytes."""
        ...

    def module(self, backbones: Sequence[Backbone], side: int) -> nn.Module:
        """Return the model as one network: images (n, 3, side, side) from 0 to 1 to probabilities (n, classes)."""
        ...


@dataclass(frozen=True)
class Fitting:
    """Settings of a fit.

    Attributes
    ----------
    params
        The hyperparameters.
    classes
        The number of classes.
    augmentation
        The augmentation of the recipe; hyperparameters override it.
    checkpoint
        The file that stores the epochs of an unfinished training.
    workers
        The number of ensemble members that are fitted in parallel.
    """

    params: Mapping[str, Any]
    classes: int
    seed: int
    augmentation: Augmentation = field(default_factory=Augmentation)
    checkpoint: Path | None = None
    workers: int = 1


VisionSpec = ModelSpec[Callable[[View, Codes, Fitting], Model], Callable[[Path], Model]]


# ----------------------------------------------------------------------------------------------------------- majority


@dataclass(frozen=True)
class Majority(baseline_and_ensemble.Majority):
    """A baseline that predicts the class shares of the training set for every image."""

    def module(self, backbones: Sequence[Backbone], side: int) -> nn.Module:
        return _ConstantModule(torch.from_numpy(self.shares).float())


def _fit_majority(view: View, y: Codes, fitting: Fitting) -> Majority:
    return Majority.of(y, fitting.classes)


class _ConstantModule(nn.Module):
    def __init__(self, shares: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("shares", shares)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        proba: torch.Tensor = 0 * x.mean(dim=(1, 2, 3))[:, None] + self.shares[None]
        return proba


# --------------------------------------------------------------------------------------------------------- embeddings


@dataclass(frozen=True)
class EmbeddingModel:
    """A linear head on the embeddings of one or more backbones."""

    head: Head
    backbone_indices: list[int]

    def proba(self, view: View) -> Floats:
        return self.head.proba(view.embeddings(self.backbone_indices))

    def save(self, folder: Path) -> None:
        self.head.save(folder)
        write_json(folder / "backbones.json", self.backbone_indices)

    def module(self, backbones: Sequence[Backbone], side: int) -> nn.Module:
        return _EmbeddingModule([backbones[index].new_network(1) for index in self.backbone_indices], self.head)


class _EmbeddingModule(nn.Module):
    """Backbones under a linear head; the embeddings of an image and its mirror image are averaged."""

    def __init__(self, nets: Sequence[Net], head: Head) -> None:
        super().__init__()
        self.nets = nn.ModuleList(nets)
        self.link, self.temperature = head.link, head.temperature
        self.linear = nn.Linear(*head.weights.shape)
        with torch.no_grad():
            self.linear.weight.copy_(torch.from_numpy(head.weights.T.copy()))
            self.linear.bias.copy_(torch.from_numpy(head.bias.copy()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        embedding = torch.cat([flip_average(net.embedding, x) for net in self.nets], dim=1)
        scores = self.linear(embedding) / self.temperature
        if scores.shape[1] == 1:
            positive = torch.sigmoid(scores)
            return torch.cat([1 - positive, positive], dim=1)
        proba: torch.Tensor = torch.softmax(scores, dim=1)
        return proba


def _fit_embeddings(view: View, y: Codes, fitting: Fitting) -> EmbeddingModel:
    """Fit a logistic regression on the embeddings."""
    indices = [int(index) for index in fitting.params.get("backbones", [0])]
    _require_backbone(view.images, max(indices, default=0))
    x = view.embeddings(indices)
    return EmbeddingModel(standardised(x, y, fitting.classes, c=float(fitting.params.get("C", 0.01)), seed=fitting.seed), indices)


def _load_embeddings(folder: Path) -> EmbeddingModel:
    return EmbeddingModel(Head.load(folder), read_json(folder / "backbones.json"))


def _require_backbone(images: ImageCollection, index: int) -> None:
    if index >= len(images.backbones):
        raise GlassboxError(NO_BACKBONE.format(count=len(images.backbones), index=index))


# ------------------------------------------------------------------------------------------------------------ networks


@dataclass(frozen=True)
class Network:
    """A trained network: a fine-tuned backbone, or a small network trained from scratch.

    Attributes
    ----------
    architecture
        The architecture of the backbone; empty for the small network.
    side
        Width and height in pixels at which it receives images.
    """

    net: Net
    architecture: str
    side: int

    def proba(self, view: View) -> Floats:
        return predict_individually(self.module([], 0), view.pixels, view.images.workers)

    def save(self, folder: Path) -> None:
        write_tensors(folder / WEIGHTS, self.net.state_dict())
        description = {"architecture": self.architecture, "classes": self.net.head.out_features, "side": self.side}
        write_json(folder / DESCRIPTION, description)

    def module(self, backbones: Sequence[Backbone], side: int) -> nn.Module:
        return _NetworkModule(self.net, self.side)


class _NetworkModule(nn.Module):
    """A network that returns probabilities at its own input size, averaged over an image and its mirror image."""

    def __init__(self, net: Net, side: int) -> None:
        super().__init__()
        self.net, self.side = net, side

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logs = flip_average(lambda pair: torch.log_softmax(self.net(pair), dim=1), resize(x, self.side))
        proba: torch.Tensor = torch.softmax(logs, dim=1)
        return proba


def resize(x: torch.Tensor, side: int) -> torch.Tensor:
    """Resize a batch of square images with antialiasing."""
    if x.shape[-1] == side:
        return x
    return nn.functional.interpolate(x, size=(side, side), mode="bilinear", antialias=True)


def predict_individually(module: nn.Module, pixels: Pixels, workers: int) -> Floats:
    """Predict each image on its own, so that its probabilities do not depend on the rest of the batch."""
    module = module.eval().to(device())

    def predict(image: Pixels) -> Floats:
        with torch.inference_mode():
            proba = module(to_tensor(image[None]))[0].float().cpu().numpy()
        return np.asarray(proba, dtype=np.float64)

    with predict_pool(workers) as pool:
        proba = np.stack(list(pool.map(predict, pixels))) if len(pixels) else np.zeros((0, 2))
    return np.asarray(proba / proba.sum(axis=1, keepdims=True), dtype=np.float64)


def _fit_network(view: View, y: Codes, fitting: Fitting) -> Network:
    """Fine-tune a backbone: its head alone (``unfrozen: head``), its last block too (``block``), or all of it (``all``).

    Statistics of normalisation layers are not updated: there are too few images to estimate them.
    """
    index = int(fitting.params.get("backbone", 0))
    _require_backbone(view.images, index)
    backbone, trainable = view.images.backbones[index], TRAINABLE_STAGES[str(fitting.params.get("unfrozen", "block"))]
    stages = len(list(backbone.net.stages))
    cut = 0 if trainable is None else stages - trainable
    side = min(int(fitting.params.get("side", view.images.recipe.side)), view.images.recipe.side)
    net: Net = with_seed(lambda: backbone.new_network(fitting.classes, cut), fitting.seed).to(device()).eval()
    for stage in list(net.stages)[:cut]:
        stage.requires_grad_(False)
    augmentation = _augmentation(fitting)
    if cut:
        key = (backbone.digest, cut, side, augmentation.model_dump_json(), fitting.seed)
        maps = view.images.cached(key, lambda: _frozen_maps(net, view.images, side, augmentation, fitting.seed))
        view_rows = torch.from_numpy(view.rows)

        def inputs(rows: Codes, rng: np.random.Generator) -> torch.Tensor:
            copies = torch.from_numpy(rng.integers(0, len(maps), len(rows)))
            return maps[copies, view_rows[torch.from_numpy(rows)]].to(device()).float()

        train_network(_TrainableStages(net), inputs, y, fitting.params, seed=fitting.seed, checkpoint=fitting.checkpoint)
    else:
        batches = _augmented_batches(view.pixels, side, augmentation)
        train_network(net, batches, y, fitting.params, seed=fitting.seed, checkpoint=fitting.checkpoint)
    return Network(net.cpu().eval(), backbone.name, side)


class _TrainableStages(nn.Module):
    """The stages of a network that are trained, and its head."""

    def __init__(self, net: Net) -> None:
        super().__init__()
        self.stages, self.head = net.stages[net.cut :], net.head

    def forward(self, maps: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.head(self.stages(maps).mean(dim=(2, 3)))
        return scores


def _frozen_maps(net: Net, images: ImageCollection, side: int, augmentation: Augmentation, seed: int) -> torch.Tensor:
    """Compute the output of the frozen stages for each image and its augmented copies, (views, rows, maps, height, width).

    The augmentation of an image is seeded by the image alone, so it does not depend on the other rows.
    """
    pixels, digests = images.pixels, images.digests

    def compute(job: tuple[int, int]) -> torch.Tensor:
        k, row = job
        with torch.inference_mode():
            x = resize(to_tensor(pixels[row][None]), side)
            if k:
                x = augment(x, augmentation, np.random.default_rng([seed, int(digests[row][:12], 16), k]))
            return net.early(x)[0].cpu().half()

    jobs = [(k, row) for k in range(VIEWS) for row in range(len(pixels))]
    with predict_pool(images.workers) as pool:
        maps = torch.stack(list(pool.map(compute, jobs)))
    return maps.view(VIEWS, len(pixels), *maps.shape[1:])


def _augmented_batches(
    pixels: Pixels, side: int, augmentation: Augmentation
) -> Callable[[Codes, np.random.Generator], torch.Tensor]:
    def inputs(rows: Codes, rng: np.random.Generator) -> torch.Tensor:
        return augment(resize(to_tensor(pixels[rows]), side), augmentation, rng)

    return inputs


def _augmentation(fitting: Fitting) -> Augmentation:
    """Return the augmentation of the recipe, overridden by the hyperparameters."""
    overrides = {key: fitting.params[key] for key in Augmentation.model_fields if key in fitting.params}
    return Augmentation.model_validate({**fitting.augmentation.model_dump(), **overrides})


def _fit_small(view: View, y: Codes, fitting: Fitting) -> Network:
    """Train a small network from scratch."""
    side = min(int(fitting.params.get("side", 64)), view.images.recipe.side)
    net: Net = with_seed(lambda: Net(small_stages(), (HALF, HALF), fitting.classes), fitting.seed).to(device()).train()
    inputs = _augmented_batches(view.pixels, side, _augmentation(fitting))
    train_network(net, inputs, y, fitting.params, seed=fitting.seed, checkpoint=fitting.checkpoint)
    return Network(net.cpu().eval(), "", side)


def _load_network(folder: Path) -> Network:
    description = read_json(folder / DESCRIPTION)
    if description["architecture"]:
        stages, normalisation, _ = build_architecture(description["architecture"])
        net = Net(stages, normalisation, description["classes"])
    else:
        net = Net(small_stages(), (HALF, HALF), description["classes"])
    net.load_state_dict(read_tensors(folder / WEIGHTS))
    return Network(net.eval(), description["architecture"], description["side"])


# ----------------------------------------------------------------------------------------------------------- ensemble


@dataclass(frozen=True)
class Ensemble(baseline_and_ensemble.Ensemble):
    """A weighted ensemble of image classifiers."""

    def module(self, backbones: Sequence[Backbone], side: int) -> nn.Module:
        return _EnsembleModule([member.module(backbones, side) for member in self.members], self.weights)


class _EnsembleModule(nn.Module):
    def __init__(self, members: Sequence[nn.Module], weights: Sequence[float]) -> None:
        super().__init__()
        self.members, self.weights = nn.ModuleList(members), list(weights)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logs = [weight * torch.log(member(x).clamp(1e-9, 1.0)) for weight, member in zip(self.weights, self.members, strict=True)]
        proba: torch.Tensor = torch.softmax(torch.stack(logs).sum(dim=0), dim=1)
        return proba


def _fit_ensemble(view: View, y: Codes, fitting: Fitting) -> Ensemble:
    def fit_member(i: int, member: Mapping[str, Any]) -> Model:
        checkpoint = None if fitting.checkpoint is None else fitting.checkpoint.with_suffix(f".{i}")
        return KINDS[member["kind"]].fit(view, y, replace(fitting, params=member["params"], checkpoint=checkpoint))

    threads = torch.get_num_threads()
    begin = partial(torch.set_num_threads, threads)
    members = fitting.params["members"]
    fitted = fit_members(members, fit_member, workers=fitting.workers, threads=threads, initializer=begin)
    return Ensemble.of(members, fitted)


def _load_ensemble(folder: Path) -> Ensemble:
    return Ensemble.load(folder, lambda kind, member: KINDS[kind].load(member))


KINDS: Registry[VisionSpec] = Registry(
    majority=VisionSpec(_fit_majority, Majority.load, 0, learns=False),
    embeddings=VisionSpec(_fit_embeddings, _load_embeddings, 1, searched=True),
    small_network=VisionSpec(_fit_small, _load_network, 2, searched=True),
    fine_tuned=VisionSpec(_fit_network, _load_network, 4, searched=True),
    ensemble=VisionSpec(_fit_ensemble, _load_ensemble, 3),
)


def backbone_indices(kind: str, params: Mapping[str, Any]) -> list[int]:
    """Return the sorted indices of the backbones that a fitted model of this kind needs for prediction."""
    if kind == "ensemble":
        return sorted({index for member in params["members"] for index in backbone_indices(member["kind"], member["params"])})
    return sorted({int(index) for index in params.get("backbones", [0])}) if kind == "embeddings" else []
