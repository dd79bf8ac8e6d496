"""Networks of pictures: stages of torchvision's own models, or a small one of our own, under one head; on one device.

A network takes pictures of shape (n, 3, side, side) with values from 0 to 1; what its weights expect of colours is done inside.
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

Singles = npt.NDArray[np.float32]
WEIGHTS, TOLD = "weights.safetensors", "network.json"
IMAGENET = ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225])
LITE = ([127 / 255] * 3, [128 / 255] * 3)
ARCHITECTURE = re.compile(r"(?P<name>[a-z][a-z0-9_-]*?)(?:-[0-9a-f]{8})?", re.IGNORECASE)


class Net(nn.Module):
    """Stages that make maps of a picture, their mean over the picture, and a linear head.

    `cut` is how many of the stages do not learn: they stay as they were trained, their statistics too.
    """

    def __init__(self, stages: Sequence[nn.Module], colours: tuple[list[float], list[float]], classes: int, cut: int = 0) -> None:
        super().__init__()
        self.stages = nn.Sequential(*stages)
        self.cut = cut
        self.register_buffer("mean", torch.tensor(colours[0]).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("spread", torch.tensor(colours[1]).view(1, 3, 1, 1), persistent=False)
        with DRAWING:
            self.head = nn.Linear(width_of(self.stages), classes)

    def early(self, x: torch.Tensor) -> torch.Tensor:
        """The maps of the stages that do not learn."""
        found: torch.Tensor = self.stages[: self.cut]((x - self.mean) / self.spread)
        return found

    def late(self, maps: torch.Tensor) -> torch.Tensor:
        """Scores of the classes, (n, classes), from the maps of the early stages."""
        found: torch.Tensor = self.head(self.stages[self.cut :](maps).mean(dim=(2, 3)))
        return found

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.late(self.early(x))

    def embedding(self, x: torch.Tensor) -> torch.Tensor:
        """The mean of the last maps, (n, width)."""
        found: torch.Tensor = self.stages((x - self.mean) / self.spread).mean(dim=(2, 3))
        return found


def width_of(stages: nn.Sequential) -> int:
    """How many maps the last stage makes."""
    with torch.no_grad():
        was = stages.training
        found = stages.eval()(torch.zeros(1, 3, 64, 64)).shape[1]
        stages.train(was)
    return int(found)


# ---------------------------------------------------------------------------------------------------------- architectures


def _stages_of(network: nn.Module) -> list[nn.Module]:
    """The convolutional stages of one of torchvision's classifiers, in order."""
    features = getattr(network, "features", None)
    if isinstance(features, nn.Sequential) and not hasattr(network, "permute"):  # a Swin's maps lie otherwise
        return list(features.children())
    named = dict(network.named_children())
    if "layer4" in named:  # ResNet and its kin
        first = nn.Sequential(*(named[name] for name in ("conv1", "bn1", "relu", "maxpool")))
        return [first, *(named[f"layer{i}"] for i in range(1, 5))]
    raise DataError(
        f"{type(network).__name__}: its stages are not known here; use a MobileNet, EfficientNet, ConvNeXt or ResNet."
    )


def _torchvision(name: str) -> nn.Module:
    from torchvision import models

    if name not in models.list_models(module=models):
        raise DataError(f"weights.backbones: {name!r} is no network of torchvision; the file's name says which it is.")
    with suppress_warnings():
        made: nn.Module = models.get_model(name, weights=None)
    return made


class _Same(nn.Conv2d):
    """A convolution of stride two, padded as TensorFlow pads: more to the right and below than before."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        size = self.kernel_size[0]
        low, high = (size - 2) // 2, size - 2 - (size - 2) // 2
        return super().forward(nn.functional.pad(x, (low, high, low, high)))


def _efficientnet_lite0() -> nn.Module:
    """EfficientNet-Lite0 of torchvision's own parts: EfficientNet-B0 (Tan and Le 2019) without squeeze-and-excitation, with ReLU6."""
    from torchvision.models.efficientnet import EfficientNet, MBConv, MBConvConfig

    class Block(MBConv):
        def __init__(self, config: Any, drop: float, norm: Any) -> None:
            super().__init__(config, drop, norm, se_layer=lambda *_, **__: nn.Identity())

    def row(expand: int, kernel: int, stride: int, inputs: int, outputs: int, layers: int) -> Any:
        return MBConvConfig(expand, kernel, stride, inputs, outputs, layers, block=Block)

    setting = [
        row(1, 3, 1, 32, 16, 1),
        row(6, 3, 2, 16, 24, 2),
        row(6, 5, 2, 24, 40, 2),
        row(6, 3, 2, 40, 80, 3),
        row(6, 5, 1, 80, 112, 3),
        row(6, 5, 2, 112, 192, 4),
        row(6, 3, 1, 192, 320, 1),
    ]
    made = EfficientNet(setting, 0.0, 0.0, norm_layer=partial(nn.BatchNorm2d, eps=1e-3, momentum=0.01))
    _swap(made)
    return made


def _swap(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, nn.SiLU):
            setattr(module, name, nn.ReLU6(inplace=True))
        elif isinstance(child, nn.Conv2d) and child.stride == (2, 2):
            same = _Same(child.in_channels, child.out_channels, child.kernel_size, 2, 0, 1, child.groups, bias=False)
            setattr(module, name, same)
        else:
            _swap(child)


def architecture(name: str) -> tuple[list[nn.Module], tuple[list[float], list[float]], nn.Module]:
    """The stages of a network by its name, the colours that its weights expect, and the whole of it."""
    with DRAWING:
        whole = _efficientnet_lite0() if name == "efficientnet_lite0" else _torchvision(name)
    return _stages_of(whole), LITE if name == "efficientnet_lite0" else IMAGENET, whole


def small_stages() -> list[nn.Module]:
    """A small network for small pictures, learnt from nothing: five convolutions, three of them after a halving."""

    def block(inputs: int, outputs: int, stride: int = 1) -> nn.Module:
        return nn.Sequential(nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))

    with DRAWING:
        return [block(3, 32, 2), block(32, 64), block(64, 64), nn.Sequential(nn.MaxPool2d(2), block(64, 128)), block(128, 128)]


# -------------------------------------------------------------------------------------------------------------- backbones


@dataclass(frozen=True)
class Backbone:
    """A network that was trained on other pictures: the file of its weights, and the architecture that they are for."""

    file: Path
    name: str

    @cached_property
    def digest(self) -> str:
        """By which its embeddings are known: the hash of the tensors that make them, however the file holds them, and how it is asked."""
        tensors = {
            name: [str(value.dtype), list(value.shape), hashlib.sha256(value.contiguous().numpy().tobytes()).hexdigest()]
            for name, value in self._made().stages.state_dict().items()
        }
        return hash_value([self.name, tensors, "both ways, norms folded"])

    @cached_property
    def net(self) -> Net:
        """The network, ready to be asked, its norms folded into its convolutions; its head means nothing.

        Raises
        ------
        DataError
            When the file holds other weights than those of the architecture.
        """
        made = self._made()
        _fold_norms(made)
        made.to(device(), memory_format=torch.channels_last)
        return made

    def _made(self) -> Net:
        with DRAWING, torch.random.fork_rng(devices=[]):
            made: Net = self.fresh(1).eval()
        return made

    def fresh(self, classes: int, cut: int = 0) -> Net:
        """A copy of its own, with a new head that knows nothing yet."""
        stages, colours, whole = architecture(self.name)
        _load(whole, tensors_in(self.file), self.file.name)
        return Net(stages, colours, classes, cut)

    def save(self, folder: Path) -> None:
        """Its weights without pickle, and which architecture they are for."""
        _, _, whole = architecture(self.name)
        _load(whole, tensors_in(self.file), self.file.name)
        write_tensors(folder / WEIGHTS, whole.state_dict())
        write_json(folder / TOLD, {"architecture": self.name})


def _fold_norms(module: nn.Module) -> None:
    """Put each norm that follows a convolution within a sequence into its weights, in place: the same numbers but for last digits.

    So a MobileNetV2 answers in 60 % of the time, an EfficientNet in 70 %; a ResNet, whose blocks are no sequences, gains little.
    """
    for child in module.children():
        _fold_norms(child)
    for at in range(len(module) - 1) if isinstance(module, nn.Sequential) else ():
        first, second = module[at], module[at + 1]
        if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
            module[at], module[at + 1] = fuse_conv_bn_eval(first, second), nn.Identity()


def backbone_in(folder: Path) -> Backbone:
    """The backbone in a folder: one file of weights, named as torchvision names them, or as `Backbone.save` wrote it.

    Raises
    ------
    DataError
        When there is not one such file.
    """
    if (folder / TOLD).is_file():
        return Backbone(folder / WEIGHTS, read_json(folder / TOLD)["architecture"])
    files = sorted(path for path in folder.iterdir() if path.suffix in (".pth", ".pt", ".safetensors"))
    if len(files) != 1:
        raise DataError(
            f"weights.backbones: {folder.name} holds {len(files)} files of weights (.pth or .safetensors); expected one."
        )
    found = ARCHITECTURE.fullmatch(files[0].stem)
    if found is None:
        raise DataError(
            f"weights.backbones: {files[0].name} does not say its architecture; expected a name such as resnet18-f37072fd.pth."
        )
    return Backbone(files[0], found["name"].lower().replace("-", "_"))


def tensors_in(file: Path) -> dict[str, Any]:
    """The tensors of a file of weights; of a file of torch's own, tensors and nothing else are unpacked.

    Raises
    ------
    DataError
        When it cannot be read, or holds more than tensors.
    """
    try:
        if file.suffix == ".safetensors":
            from safetensors.torch import load

            return dict(load(file.read_bytes()))
        with suppress_warnings():
            found = torch.load(file, map_location="cpu", weights_only=True)
    except Exception as error:  # on bytes that are no weights, readers raise errors of any kind
        said = str(error).splitlines() or [type(error).__name__]
        raise DataError(f"{file.name}: holds no weights that can be read safely: {said[0]}") from error
    state = found.get("state_dict", found) if isinstance(found, dict) else None
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise DataError(f"{file.name}: holds more than a table of tensors; expected a state dict.")
    return state


def _load(network: nn.Module, state: dict[str, Any], name: str) -> None:
    own = network.state_dict()
    if set(own) != set(state) and [v.shape for v in own.values()] == [v.shape for v in state.values()]:
        state = dict(zip(own, state.values(), strict=True))  # the same network under other names, in the same order
    # A head for other classes, or none, is of no matter: only the stages are used.
    kept = {key: state[key] for key in own if key in state and state[key].shape == own[key].shape}
    lacking = [key for key in own if key not in kept and not key.startswith(("classifier", "fc"))]
    if lacking:
        raise DataError(f"{name}: lacks {len(lacking)} of the tensors of {type(network).__name__}, such as {lacking[0]}.")
    network.load_state_dict(kept, strict=False)


def write_tensors(path: Path, state: dict[str, Any]) -> None:
    """Tensors in safetensors: the same values give the same bytes."""
    from safetensors.torch import save

    write_bytes(path, save({name: value.detach().cpu().contiguous().clone() for name, value in sorted(state.items())}))


# ------------------------------------------------------------------------------------------------------------------ asking


def tensor_of(pixels: Pixels, where: torch.device | None = None) -> torch.Tensor:
    """Pictures of shape (n, side, side, 3) as a network takes them: (n, 3, side, side) from 0 to 1."""
    made = torch.from_numpy(np.ascontiguousarray(pixels)).to(where or device())
    return made.permute(0, 3, 1, 2).float().div_(255)


def mirrored(ask: Callable[[torch.Tensor], torch.Tensor], x: torch.Tensor) -> torch.Tensor:
    """What is said of pictures and of their mirror images, in the mean of both, (n, numbers)."""
    found = ask(torch.cat([x, x.flip(3)]))
    return found.reshape(2, -1, found.shape[1]).mean(dim=0)


def embedded(net: Net, pixels: Pixels) -> Singles:
    """What a network says of one picture (side, side, 3): the mean over it and its mirror image, (width,).

    Each picture is asked by itself, so that it gets the same numbers whatever stands beside it.
    """
    with torch.inference_mode():
        found = mirrored(net.embedding, tensor_of(pixels[None]))
    return np.asarray(found[0].float().cpu().numpy(), dtype=np.float32)
