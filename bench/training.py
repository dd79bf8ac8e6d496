"""Benchmark of network training on the device of this machine, and a check that training is reproducible.

Run as ``python bench/training.py``. On a GPU, networks are compiled and trained in bfloat16; the first epoch includes compilation, and a
second training reuses the compilation cache on disk. On a CPU, one thread is used.
"""

import argparse
import copy
import hashlib
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from rich.console import Console
from torch import nn

from glassbox.data.catalog import fetch, find_entry
from glassbox.data.formats.idx import read_idx
from glassbox.families.shared.cross_fit import limit_threads
from glassbox.families.shared.torch_device import device
from glassbox.families.vision.image_collection import ImageCollection
from glassbox.families.vision.models import KINDS, Fitting, Network
from glassbox.families.vision.networks import load_backbone
from glassbox.families.vision.recipe import Recipe
from glassbox.platform_info import platform_facts

ROOT = Path(__file__).parents[1]
SMALL = {"epochs": 6, "batch": 128, "learning_rate": 3e-3, "crop": 1.0, "shift": 2, "colour": 0.0}
WHOLE = {"backbone": 0, "unfrozen": "all", "epochs": 2, "batch": 64, "learning_rate": 2e-4}
EVALUATED = 2000


def pictures_of(part: str) -> tuple[list[str], Any]:
    """Return the images of one official part of Fashion-MNIST and their class indices."""
    files = {path.name: path.read_bytes() for path in fetch(find_entry("fashion", ROOT), ROOT) if path.name.startswith(part)}
    frame = read_idx(files)[0].table.cells
    return frame["picture"].tolist(), frame["label"].astype(int).to_numpy(dtype=np.int64)


def train_network(kind: str, images: ImageCollection, y: Any, params: dict[str, Any]) -> tuple[Network, float, float]:
    """Train a network; return it with the training time and the mean time of an epoch after the first, in seconds."""
    step_times: list[float] = []
    step = torch.optim.AdamW.step

    def timed_step(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = step(self, *args, **kwargs)
        step_times.append(time.monotonic())
        return result

    torch.optim.AdamW.step = timed_step
    try:
        start = time.monotonic()
        network = KINDS[kind].fit(images.view_all(), y, Fitting(params, int(y.max()) + 1, 1))
        seconds = time.monotonic() - start
    finally:
        torch.optim.AdamW.step = step
    assert isinstance(network, Network)
    epochs = int(params["epochs"])
    steps = len(step_times) // epochs
    return network, seconds, (step_times[-1] - step_times[steps - 1]) / (epochs - 1)


def digest(net: nn.Module) -> str:
    """Return the SHA-256 hash of a network's weights."""
    sha256 = hashlib.sha256()
    for name, value in sorted(net.state_dict().items()):
        sha256.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
    return sha256.hexdigest()


def main() -> None:
    """Train a small network from scratch and fine-tune a whole MobileNetV2, each twice, and print times and scores."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument(
        "--rows", type=int, default=60_000, help="rows of Fashion-MNIST for the small network (default: %(default)s)"
    )
    parser.add_argument(
        "--whole-rows",
        type=int,
        default=4_000,
        help="rows of Fashion-MNIST, at 224 pixels, for MobileNetV2 (default: %(default)s)",
    )
    options = parser.parse_args()
    train, y = pictures_of("train")
    test, truth = pictures_of("t10k")
    backbone = load_backbone(fetch(find_entry("mobilenet_v2", ROOT), ROOT)[0].parent)
    console = Console(width=140)
    console.print(f"{platform_facts(1)['device']} ({device().type}), torch {torch.__version__}")
    with limit_threads(1):
        for name, kind, rows, side, params in (
            ("small network from scratch, 28 px", "small_network", options.rows, 28, SMALL),
            ("MobileNetV2, all layers fine-tuned, 224 px", "fine_tuned", options.whole_rows, 224, WHOLE),
        ):
            images = ImageCollection(train[:rows], Recipe(column="picture", side=side), [backbone], workers=2)
            _ = images.pixels
            network, seconds, epoch = train_network(kind, images, y[:rows], copy.deepcopy(params))
            holdout = ImageCollection(test[:EVALUATED], Recipe(column="picture", side=side), [backbone], workers=2).view_all()
            accuracy = float((network.proba(holdout).argmax(axis=1) == truth[:EVALUATED]).mean())
            console.print(f"{name}: {rows:,} pictures, {params['epochs']} epochs in {seconds:.1f} s, accuracy {accuracy:.3f};")
            console.print(f"  epochs after the first: {epoch:.2f} s each, {rows / epoch:,.0f} pictures/s")
            repeated, repeated_seconds, _ = train_network(kind, images, y[:rows], copy.deepcopy(params))
            weights = "identical" if digest(network.net) == digest(repeated.net) else "DIFFERENT"
            console.print(f"  repeated in {repeated_seconds:.1f} s: {weights} weights")


if __name__ == "__main__":
    main()
