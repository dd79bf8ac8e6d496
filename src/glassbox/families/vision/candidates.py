"""Default candidates and search spaces for image classification."""

from collections.abc import Sequence
from typing import Any

from glassbox.families.protocol import Effort, Space
from glassbox.families.shared.candidates import Candidate
from glassbox.request.model import Cost

SMALL = 64  # pixels: up to this side, a network trained from scratch is worth its time on two cores
PRETRAINED_SIDE = 224  # pixels, at which a backbone was pretrained and is fine-tuned


def candidates(cost: Cost, effort: Effort, backbones: Sequence[str], side: int) -> list[Candidate]:
    """Return the default candidates, from the class frequencies to fully fine-tuned networks.

    Parameters
    ----------
    cost
        `low` tries linear models on embeddings, or a small network without a backbone; `medium` also fine-tunes the last block of
        the first backbone; `high` fine-tunes the last block and all of each backbone, and always adds a small network.
    backbones
        The names of the request's pretrained networks.
    side
        The side of an image as models see it, in pixels.
    """
    defaults = [Candidate(name="majority", kind="majority")]
    for index, name in enumerate(backbones):
        defaults.append(
            Candidate(name=f"embeddings of {name}, linear", kind="embeddings", params={"backbones": [index], "C": 0.01})
        )
    if len(backbones) > 1:
        places = list(range(len(backbones)))
        defaults.append(
            Candidate(name="embeddings of all backbones, linear", kind="embeddings", params={"backbones": places, "C": 0.01})
        )
    if not backbones or cost == "high" or (side <= SMALL and cost != "low"):
        settings: dict[str, Any] = {"epochs": effort.sizes["epochs"], "batch": 128, "learning_rate": 3e-3}
        settings |= {"side": min(side, SMALL), "crop": 1.0, "shift": 2, "colour": 0.0}
        defaults.append(Candidate(name="small network from scratch", kind="small_network", params=settings))
    blocks = {"low": [], "medium": backbones[:1], "high": backbones}[cost]
    defaults += [
        _fine_tuned(f"{name}, last block fine-tuned", index, "block", 3e-4, effort, side) for index, name in enumerate(blocks)
    ]
    fully_tuned = backbones if cost == "high" else []
    return defaults + [
        _fine_tuned(f"{name}, all fine-tuned", index, "all", 2e-4, effort, side) for index, name in enumerate(fully_tuned)
    ]


def _fine_tuned(name: str, backbone: int, unfrozen: str, learning_rate: float, effort: Effort, side: int) -> Candidate:
    params = {
        "backbone": backbone,
        "unfrozen": unfrozen,
        "epochs": effort.sizes["fine-tuning epochs"],
        "learning_rate": learning_rate,
        "side": min(side, PRETRAINED_SIDE),
    }
    return Candidate(name=name, kind="fine_tuned", params=params)


def search_space(candidate: Candidate, cost: Cost, side: int) -> Space:
    """Return the default search space of a candidate; empty if its kind has no hyperparameters to search."""
    spaces: dict[str, Space] = {
        "embeddings": {"C": {"low": 0.0001, "high": 0.1, "log": True}},
        "fine_tuned": {
            "learning_rate": {"low": 0.00005, "high": 0.003, "log": True},
            "unfrozen": ["head", "block", "all"] if cost == "high" else ["head", "block"],
            "crop": [0.4, 0.6, 0.8, 1.0],
            "colour": [0.0, 0.2, 0.4],
            "side": [max(8, side * quarters // 4) for quarters in (2, 3, 4)],
        },
        "small_network": {
            "learning_rate": {"low": 0.001, "high": 0.01, "log": True},
            "shift": [0, 2, 3],
            "erase": [0.0, 0.3],
            "smoothing": [0.0, 0.1],
        },
    }
    return spaces.get(candidate.kind, {})
