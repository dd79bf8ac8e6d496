"""Image networks: the convolutional stages of torchvision models, or of a small network, under a linear head.

A network takes images of shape (n, 3, side, side) with values from 0 to 1 and normalises the colours itself.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from glassbox.errors import DataError
from glassbox.families.shared.suppress_warnings import suppress_warnings
from glassbox.families.shared.torch_device import DRAWING, device
from glassbox.families.vision.recipe import Pixels
from glassbox.files import hash_value, read_json, write_bytes, write_json

Embeddings = npt.NDArray[np.float32]
WEIGHTS, DESCRIPTION = "weights.safetensors", "network.json"
IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
LITE = ([127 / 255] * 3, [128 / 255] * 3)
Normalisation = tuple[list[float], list[float]]  # mean and standard deviation of each colour channel
WEIGHTS_NAME = re.compile(r"(?P<name>[a-z][a-z0-9_-]*?)(?:-[0-9a-f]{8})?", re.IGNORECASE)


class Net(nn.Module):
    """Convolutional stages, global average pooling and a linear head.

    The first `cut` stages are frozen, including the statistics of their normalisation layers.
    """

    def __init__(self, stages: Sequence[nn.Module], normalisation: Normalisation, classes: int, cut: int = 0) -> None:
        super().__init__()
        self.stages = nn.Sequential(*stages)
        self.cut = cut
        self.register_buffer("mean", torch.tensor(normalisation[0]).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(normalisation[1]).view(1, 3, 1, 1), persistent=False)
        with DRAWING:
            self.head = nn.Linear(feature_width(self.stages), classes)

    def early(self, x: torch.Tensor) -> torch.Tensor:
        """Compute the feature maps of the frozen stages."""
        maps: torch.Tensor = self.stages[: self.cut]((x - self.mean) / self.std)
        return maps

    def late(self, maps: torch.Tensor) -> torch.Tensor:
        """Compute class scores, (n, classes), from the feature maps of the frozen stages."""
        scores: torch.Tensor = self.head(self.stages[self.cut :](maps).mean(dim=(2, 3)))
        return scores

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.late(self.early(x))

    def embedding(self, x: torch.Tensor) -> torch.Tensor:
        """Compute the mean of the last feature maps, (n, width)."""
        embedding: torch.Tensor = self.stages((x - self.mean) / self.std).mean(dim=(2, 3))
        return embedding


def feature_width(stages: nn.Sequential) -> int:
    """Return the number of feature maps of the last stage."""
    with torch.no_grad():
        training = stages.training
        width = stages.eval()(torch.zeros(1, 3, 64, 64)).shape[1]
        stages.train(training)
    return int(width)


# ---------------------------------------------------------------------------------------------------------- architectures


def _stages_of(network: nn.Module) -> list[nn.Module]:
    """Return the convolutional stages of a torchvision classifier in order."""
    features = getattr(network, "features", None)
    if isinstance(features, nn.Sequential) and not hasattr(network, "permute"):  # a Swin's maps are channels-last
        return list(features.children())
    named = dict(network.named_children())
    if "layer4" in named:  # the ResNet family
        first = nn.Sequential(*(named[name] for name in ("conv1", "bn1", "relu", "maxpool")))
        return [first, *(named[f"layer{i}"] for i in range(1, 5))]
    raise DataError(
        f"weights.backbones: {type(network).__name__} is not supported; use a MobileNet, EfficientNet, ConvNeXt or ResNet."
    )


def _torchvision(name: str) -> nn.Module:
    from torchvision import models

    if name not in models.list_models(module=models):
        raise DataError(f"weights.backbones: {name!r} is not a torchvision network; name the file after its architecture.")
    with suppress_warnings():
        network: nn.Module = models.get_model(name, weights=None)
    return network


class _SamePadConv2d(nn.Conv2d):
    """A convolution of stride two with TensorFlow's "same" padding: more at the right and bottom than at the left and top."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        size = self.kernel_size[0]
        low, high = (size - 2) // 2, size - 2 - (size - 2) // 2
        return super().forward(nn.functional.pad(x, (low, high, low, high)))


def _efficientnet_lite0() -> nn.Module:
    """Build EfficientNet-Lite0 from torchvision's blocks: EfficientNet-B0 (Tan and Le 2019) without squeeze-and-excitation, with ReLU6."""
    from torchvision.models.efficientnet import EfficientNet, MBConv, MBConvConfig

    class Block(MBConv):
        def __init__(self, config: Any, drop: float, norm: Any) -> None:
            super().__init__(config, drop, norm, se_layer=lambda *_, **__: nn.Identity())

    def row(expand: int, kernel: int, stride: int, inputs: int, outputs: int, layers: int) -> Any:
        return MBConvConfig(expand, kernel, stride, inputs, outputs, layers, block=Block)

    settings = [
        row(1, 3, 1, 32, 16, 1),
        row(6, 3, 2, 16, 24, 2),
        row(6, 5, 2, 24, 40, 2),
        row(6, 3, 2, 40, 80, 3),
        row(6, 5, 1, 80, 112, 3),
        row(6, 5, 2, 112, 192, 4),
        row(6, 3, 1, 192, 320, 1),
    ]
    network = EfficientNet(settings, 0.0, 0.0, norm_layer=partial(nn.BatchNorm2d, eps=1e-3, momentum=0.01))
    _replace_layers(network)
    return network


def _replace_layers(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, nn.SiLU):
            setattr(module, name, nn.ReLU6(inplace=True))
        elif isinstance(child, nn.Conv2d) and child.stride == (2, 2):
            same = _SamePadConv2d(child.in_channels, child.out_channels, child.kernel_size, 2, 0, 1, child.groups, bias=False)
            setattr(module, name, same)
        else:
            _replace_layers(child)


def build_architecture(name: str) -> tuple[list[nn.Module], Normalisation, nn.Module]:
    """Build a network by its name; return its stages, its colour normalisation and the whole network."""
    with DRAWING:
        whole = _efficientnet_lite0() if name == "efficientnet_lite0" else _torchvision(name)
    return _stages_of(whole), LITE if name == "efficientnet_lite0" else IMAGENET, whole


def small_stages() -> list[nn.Module]:
    """Build the stages of a small network for small images: five convolutions, the resolution is halved twice."""

    def block(inputs: int, outputs: int, stride: int = 1) -> nn.Module:
        return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))

    with DRAWING:
        return [block(3, 32, 2), block(32, 64), block(64, 64), nn.Sequential(nn.MaxPool2d(2), block(64, 128)), block(128, 128)]


# -------------------------------------------------------------------------------------------------------------- backbones


@dataclass(frozen=True)
class Backbone:
    """A pretrained network: its weights file and the name of its architecture."""

    file: Path
    name: str

    @cached_property
    def digest(self) -> str:
        """The hash of the architecture and the tensors of the stages, independent of the file format: the key of cached embeddings."""
        tensors = {
            name: [str(value.dtype), list(value.shape), hashlib.sha256(value.contiguous().numpy().tobytes()).hexdigest()]
            for name, value in self._load().stages.state_dict().items()
        }
        return hash_value([self.name, tensors, "both ways, norms folded"])

    @cached_property
    def net(self) -> Net:
        """The network for embeddings, with batch normalisation folded into the convolutions; its head is untrained.

        Raises
        ------
        DataError
            When the weights do not match the architecture.
        """
        network = self._load()
        _fold_norms(network)
        network.to(device(), memory_format=torch.channels_last)
        return network

    def _load(self) -> Net:
        with DRAWING, torch.random.fork_rng(devices=[]):
            network: Net = self.new_network(1).eval()
        return network

    def new_network(self, classes: int, cut: int = 0) -> Net:
        """Return a new copy of the pretrained stages with an untrained head."""
        stages, normalisation, whole = build_architecture(self.name)
        _load_state(whole, read_tensors(self.file), self.file.name)
        return Net(stages, normalisation, classes, cut)

    def save(self, folder: Path) -> None:
        """Write the weights without pickle, and the name of the architecture."""
        _, _, whole = build_architecture(self.name)
        _load_state(whole, read_tensors(self.file), self.file.name)
        write_tensors(folder / WEIGHTS, whole.state_dict())
        write_json(folder / DESCRIPTION, {"architecture": self.name})


def _fold_norms(module: nn.Module) -> None:
    """Fold each batch normalisation that follows a convolution in an `nn.Sequential` into its weights, in place.

    Outputs change by rounding only. It reduces the latency of a MobileNetV2 to 60 % and of an EfficientNet to 70 %; a ResNet, whose
    blocks are not sequential, gains little.
    """
    for child in module.children():
        _fold_norms(child)
    for i in range(len(module) - 1) if isinstance(module, nn.Sequential) else ():
        first, second = module[i], module[i + 1]
        if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
            module[i], module[i + 1] = fuse_conv_bn_eval(first, second), nn.Identity()


def load_backbone(folder: Path) -> Backbone:
    """Load a backbone from a folder with one file of weights that is named as in torchvision, or that `Backbone.save` wrote.

    Raises
    ------
    DataError
        When the folder does not hold exactly one file of weights, or its name is not that of an architecture.
    """
    if (folder / DESCRIPTION).is_file():
        return Backbone(folder / WEIGHTS, read_json(folder / DESCRIPTION)["architecture"])
    files = sorted(path for path in folder.iterdir() if path.suffix in (".pth", ".pt", ".safetensors"))
    if len(files) != 1:
        raise DataError(
            f"weights.backbones: {folder.name} holds {len(files)} files of weights (.pth or .safetensors); expected one."
        )
    match = WEIGHTS_NAME.fullmatch(files[0].stem)
    if match is None:
        raise DataError(
            f"weights.backbones: the file name {files[0].name} does not state an architecture; "
            "expected a name such as resnet18-f37072fd.pth."
        )
    return Backbone(files[0], match["name"].lower().replace("-", "_"))


def read_tensors(file: Path) -> dict[str, Any]:
    """Read the tensors of a file of weights; of PyTorch's own format only tensors are unpickled.

    Raises
    ------
    DataError
        When the file cannot be read, or holds anything but tensors.
    """
    try:
        if file.suffix == ".safetensors":
            from safetensors.torch import load

            return dict(load(file.read_bytes()))
        with suppress_warnings():
            content = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # the readers raise errors of any kind for bytes that are not weights
        lines = str(error).splitlines() or [type(error).__name__]
        raise DataError(f"{file.name}: holds no weights that can be read safely: {lines[0]}") from error
    state = content.get("state_dict", content) if isinstance(content, dict) else None
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise DataError(f"{file.name}: holds more than tensors; expected a state dict.")
    return state


def _load_state(network: nn.Module, state: dict[str, Any], name: str) -> None:
    expected = network.state_dict()
    if set(expected) != set(state) and [v.shape for v in expected.values()] == [v.shape for v in state.values()]:
        state = dict(zip(expected, state.values(), strict=True))  # the same network under other names, in the same order
    # The head is not used, so it may be missing or have another shape.
    matching = {key: state[key] for key in expected if key in state and state[key].shape == expected[key].shape}
    missing = [key for key in expected if key not in matching and not key.startswith(("classifier", "fc"))]
    if missing:
        raise DataError(f"{name}: lacks {len(missing)} of the tensors of {type(network).__name__}, such as {missing[0]}.")
    network.load_state_dict(matching, strict=False)


def write_tensors(path: Path, state: dict[str, Any]) -> None:
    """Write tensors as safetensors; the same values give the same bytes."""
    from safetensors.torch import save

    write_bytes(path, save({name: value.detach().cpu().contiguous().clone() for name, value in sorted(state.items())}))


# -------------------------------------------------------------------------------------------------------------- inference


def to_tensor(pixels: Pixels, target: torch.device | None = None) -> torch.Tensor:
    """Convert images of shape (n, side, side, 3) to the input of a network: (n, 3, side, side) from 0 to 1."""
    tensor = torch.from_numpy(np.ascontiguousarray(pixels)).to(target or device())
    return tensor.permute(0, 3, 1, 2).float().div_(255)


def flip_average(function: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """Average the outputs of a function over images and their mirror images, (n, outputs)."""
    outputs = function(torch.cat([x, x.flip(3)]))
    return outputs.reshape(2, -1, outputs.shape[1]).mean(dim=0)


def embed(net: Net, pixels: Pixels) -> Embeddings:
    """Embed one image (side, side, 3), averaged over it and its mirror image, (width,).

    Each image is embedded on its own, so that its embedding does not depend on the rest of a batch.
    """
    with torch.inference_mode():
        embedding = flip_average(net.embedding, to_tensor(pixels[None]))
    return np.asarray(embedding[0].float().cpu().numpy(), dtype=np.float32)
