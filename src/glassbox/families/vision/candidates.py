"""What is tried when nobody says otherwise, and how much is searched."""

from collections.abc import Sequence
from typing import Any

from glassbox.families.shared.candidates import Candidate
from glassbox.request.model import Cost

# Counted, never timed: a slower machine gives the same answer later.
TRIALS: dict[Cost, int] = {"low": 2, "medium": 2, "high": 20}
EPOCHS: dict[Cost, int] = {"low": 3, "medium": 6, "high": 30}  # of a network that is learnt from nothing
FINE_EPOCHS: dict[Cost, int] = {"low": 4, "medium": 8, "high": 16}  # of one that is fine-tuned
SMALL = 64  # pixels: up to this size a network from nothing is worth its time on two cores
TAUGHT = 224  # pixels at which a backbone is fine-tuned: what it was trained at


def candidates(cost: Cost, backbones: Sequence[str], side: int) -> list[Candidate]:
    """From a model that looks at nothing to networks that are fine-tuned as a whole.

    Parameters
    ----------
    cost
        `low` tries linear heads on embeddings, or a small network where there is no backbone; `medium` the last block of the
        first backbone too; `high` that of each, and all of it, and a small network whatever there is.
    backbones
        The names of the request's pretrained networks.
    side
        At how many pixels pictures are seen.
    """
    found = [Candidate(name="majority", kind="majority")]
    for place, name in enumerate(backbones):
        found.append(Candidate(name=f"embeddings of {name}, linear", kind="embeddings", params={"backbones": [place], "C": 0.01}))
    if len(backbones) > 1:
        every = list(range(len(backbones)))
        found.append(
            Candidate(name="embeddings of all backbones, linear", kind="embeddings", params={"backbones": every, "C": 0.01})
        )
    epochs = EPOCHS[cost]
    if not backbones or cost == "high" or (side <= SMALL and cost != "low"):
        asked: dict[str, Any] = {"epochs": epochs, "batch": 128, "learning_rate": 3e-3, "side": min(side, SMALL), "crop": 1.0}
        found.append(
            Candidate(name="small network from nothing", kind="small_network", params={**asked, "shift": 2, "colour": 0.0})
        )
    for place, name in enumerate({"low": [], "medium": backbones[:1], "high": backbones}[cost]):
        params = {
            "backbone": place,
            "unfrozen": "block",
            "epochs": FINE_EPOCHS[cost],
            "learning_rate": 3e-4,
            "side": min(side, TAUGHT),
        }
        found.append(Candidate(name=f"{name}, last block fine-tuned", kind="fine_tuned", params=params))
    for place, name in enumerate(backbones if cost == "high" else []):
        params = {
            "backbone": place,
            "unfrozen": "all",
            "epochs": FINE_EPOCHS[cost],
            "learning_rate": 2e-4,
            "side": min(side, TAUGHT),
        }
        found.append(Candidate(name=f"{name}, all fine-tuned", kind="fine_tuned", params=params))
    return found
