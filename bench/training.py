"""How fast networks learn on the device of this machine, and whether the same training gives the same weights twice.

Run as ``python bench/training.py``. On a GPU in bfloat16 and compiled, on a processor as the request's ``threads`` say (here: one).
The first epochs of a GPU hold the compiling; a second training finds what was compiled on disk.
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
from glassbox.families.shared.cross_fit import limited
from glassbox.families.shared.torch_device import device
from glassbox.families.vision.image_collection import ImageCollection
from glassbox.families.vision.models import KINDS, Fitting, Network
from glassbox.families.vision.networks import load_backbone
from glassbox.families.vision.recipe import Recipe
from glassbox.platform_info import platform_facts

ROOT = Path(__file__).parents[1]
SMALL = {"epochs": 6, "batch": 128, "learning_rate": 3e-3, "crop": 1.0, "shift": 2, "colour": 0.0}
WHOLE = {"backbone": 0, "unfrozen": "all", "epochs": 2, "batch": 64, "learning_rate": 2e-4}
JUDGED = 2000


def pictures_of(part: str) -> tuple[list[str], Any]:
    """The pictures of one of Fashion-MNIST's official parts, and their classes by number."""
    files = {path.name: path.read_bytes() for path in fetch(find_entry("fashion", ROOT), ROOT) if path.name.startswith(part)}
    frame = read_idx(files)[0].table.cells
    return frame["picture"].tolist(), frame["label"].astype(int).to_numpy(dtype=np.int64)


def trained(kind: str, album: ImageCollection, y: Any, params: dict[str, Any]) -> tuple[Network, float, float]:
    """A network, the seconds that all its epochs took, and those of an epoch after the first."""
    ends: list[float] = []
    step = torch.optim.AdamW.step

    def noted(self: Any, *args: Any, **kwargs: Any) -> Any:
        found = step(self, *args, **kwargs)
        ends.append(time.monotonic())
        return found

    torch.optim.AdamW.step = noted
    try:
        begun = time.monotonic()
        made = KINDS[kind].fit(album.view_all(), y, Fitting(params, int(y.max()) + 1, 1))
        seconds = time.monotonic() - begun
    finally:
        torch.optim.AdamW.step = step
    assert isinstance(made, Network)
    epochs = int(params["epochs"])
    each = len(ends) // epochs
    return made, seconds, (ends[-1] - ends[each - 1]) / (epochs - 1)


def digest(net: nn.Module) -> str:
    """The weights of a network in one hash."""
    found = hashlib.sha256()
    for name, value in sorted(net.state_dict().items()):
        found.update(name.encode() + value.detach().cpu().contiguous().numpy().tobytes())
    return found.hexdigest()


def main() -> None:
    """Train a small network from nothing and a whole MobileNetV2, each twice, and print what it took."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--rows", type=int, default=60_000, help="of Fashion-MNIST, for the small network")
    parser.add_argument("--whole-rows", type=int, default=4_000, help="of them, at 224 pixels, for MobileNetV2")
    told = parser.parse_args()
    train, y = pictures_of("train")
    test, truth = pictures_of("t10k")
    backbone = load_backbone(fetch(find_entry("mobilenet_v2", ROOT), ROOT)[0].parent)
    console = Console(width=140)
    console.print(f"{platform_facts(1)['device']} ({device().type}), torch {torch.__version__}")
    with limited(1):
        for name, kind, rows, side, params in (
            ("small network from nothing, 28 px", "small_network", told.rows, 28, SMALL),
            ("MobileNetV2, all fine-tuned, 224 px", "fine_tuned", told.whole_rows, 224, WHOLE),
        ):
            album = ImageCollection(train[:rows], Recipe(column="picture", side=side), [backbone], workers=2)
            _ = album.pixels
            first, seconds, epoch = trained(kind, album, y[:rows], copy.deepcopy(params))
            judged = ImageCollection(test[:JUDGED], Recipe(column="picture", side=side), [backbone], workers=2).view_all()
            accuracy = float((first.proba(judged).argmax(axis=1) == truth[:JUDGED]).mean())
            console.print(f"{name}: {rows:,} pictures, {params['epochs']} epochs in {seconds:.1f} s, accuracy {accuracy:.3f};")
            console.print(f"  after the first, an epoch took {epoch:.2f} s: {rows / epoch:,.0f} pictures/s")
            second, again, _ = trained(kind, album, y[:rows], copy.deepcopy(params))
            same = "the same" if digest(first.net) == digest(second.net) else "OTHER"
            console.print(f"  once more, in {again:.1f} s: {same} weights")


if __name__ == "__main__":
    main()
