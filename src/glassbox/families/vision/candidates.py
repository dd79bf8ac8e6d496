"""The candidates for images, and the hyperparameters that tuning searches."""

from collections.abc import Sequence
from typing import Any

from glassbox.families.protocol import Effort, Space
from glassbox.families.shared.candidates import Candidate
from glassbox.request.model import Cost

SMALL = 64  # pixels: up to this side, a network trained from scratch is worth its time on two cores
PRETRAINED_SIDE = 224  # pixels, at which a backbone was pretrained and is fine-tuned


def candidates(cost: Cost, effort: Effort, backbones: Sequence[str], side: int) -> list[Candidate]:
    """Return the candidates by default, from the class shares to networks that are fine-tuned as a whole.

    Parameters
    ----------
    cost
        `low` tries linear models of embeddings, or a small network where there is no backbone; `medium` also the last block of
        the first backbone; `high` also the last block and all of each, and a small network in any case.
    backbones
        The names of the request's pretrained networks.
    side
        The side of an image as models see it, in pixels.
    """
    found = [Candidate(name="majority", kind="majority")]
    for place, name in enumerate(backbones):
        found.append(Candidate(name=f"embeddings of {name}, linear", kind="embeddings", params={"backbones": [place], "C": 0.01}))
    if len(backbones) > 1:
        places = list(range(len(backbones)))
        found.append(
            Candidate(name="embeddings of all backbones, linear", kind="embeddings", params={"backbones": places, "C": 0.01})
        )
    if not backbones or cost == "high" or (side <= SMALL and cost != "low"):
        settings: dict[str, Any] = {"epochs": effort.sizes["epochs"], "batch": 128, "learning_rate": 3e-3}
        settings |= {"side": min(side, SMALL), "crop": 1.0, "shift": 2, "colour": 0.0}
        found.append(Candidate(name="small network from nothing", kind="small_network", params=settings))
    blocks = {"low": [], "medium": backbones[:1], "high": backbones}[cost]
    found += [
        _fine_tuned(f"{name}, last block fine-tuned", place, "block", 3e-4, effort, side) for place, name in enumerate(blocks)
    ]
    whole = backbones if cost == "high" else []
    return found + [_fine_tuned(f"{name}, all fine-tuned", place, "all", 2e-4, effort, side) for place, name in enumerate(whole)]


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
    """Return the hyperparameters of a candidate that are searched by default; none where its kind has none."""
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
