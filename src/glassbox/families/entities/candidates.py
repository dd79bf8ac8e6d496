"""What is tried when nobody says otherwise, and how much is searched."""

from glassbox.families.shared.candidates import Candidate
from glassbox.request.model import Cost

# Counted, never timed: a slower machine gives the same answer later.
TRIALS: dict[Cost, int] = {"low": 1, "medium": 2, "high": 12}
EPOCHS: dict[Cost, int] = {"low": 2, "medium": 3, "high": 8}
FROM_NOTHING = 4  # so many times the epochs, where there is no pipeline to begin with


def candidates(cost: Cost, *, encoder: bool, pipeline: bool) -> list[Candidate]:
    """From a list of names to a fine-tuned transformer.

    Parameters
    ----------
    encoder, pipeline
        Whether the request names such weights.
    """
    found = [Candidate(name="gazetteer", kind="gazetteer")]
    if pipeline:
        found.append(Candidate(name="spaCy as it comes", kind="as_it_comes"))
    if encoder and cost != "low":
        found.append(Candidate(name="token head on the encoder", kind="token_head", params={"epochs": 20}))
    if pipeline:
        params: dict[str, int | str] = {"epochs": EPOCHS[cost], "start": "pipeline"}
        found.append(Candidate(name="spaCy, fine-tuned", kind="recogniser", params=params))
    else:
        params = {"epochs": FROM_NOTHING * EPOCHS[cost], "start": "nothing"}
        found.append(Candidate(name="spaCy, trained from nothing", kind="recogniser", params=params))
    if encoder and cost == "high":
        found.append(Candidate(name="transformer, fine-tuned", kind="tagger", params={"epochs": 3}))
    return found
