"""Default candidates and search spaces for named-entity recognition."""

from glassbox.families.protocol import Effort, Space
from glassbox.families.shared.candidates import Candidate
from glassbox.request.model import Cost

FROM_SCRATCH = 4  # factor on the number of epochs without a pretrained pipeline


def candidates(cost: Cost, effort: Effort, *, encoder: bool, pipeline: bool) -> list[Candidate]:
    """Return the default candidates, from a gazetteer to a fine-tuned transformer.

    Parameters
    ----------
    encoder, pipeline
        True if the request names weights for it.
    """
    epochs = effort.sizes["epochs"]
    defaults = [Candidate(name="gazetteer", kind="gazetteer")]
    if pipeline:
        defaults.append(Candidate(name="pretrained spaCy", kind="pretrained"))
    if encoder and cost != "low":
        defaults.append(Candidate(name="token head on the encoder", kind="token_head", params={"epochs": 20}))
    if pipeline:
        params: dict[str, int | str] = {"epochs": epochs, "start": "pipeline"}
        defaults.append(Candidate(name="spaCy, fine-tuned", kind="recogniser", params=params))
    else:
        params = {"epochs": FROM_SCRATCH * epochs, "start": "nothing"}
        defaults.append(Candidate(name="spaCy trained from scratch", kind="recogniser", params=params))
    if encoder and cost == "high":
        defaults.append(Candidate(name="transformer, fine-tuned", kind="tagger", params={"epochs": 3}))
    return defaults


def search_space(candidate: Candidate) -> Space:
    """Return the default search space of a candidate; empty if its kind has no hyperparameters to search."""
    epochs = int(candidate.params.get("epochs", 1))
    spaces: dict[str, Space] = {
        "recogniser": {
            "epochs": {"low": epochs, "high": epochs + 2},
            "dropout": {"low": 0.1, "high": 0.4},
            "learning_rate": {"low": 0.0005, "high": 0.002, "log": True},
        },
        "token_head": {"epochs": {"low": 10, "high": 40}, "learning_rate": {"low": 0.005, "high": 0.1, "log": True}},
    }
    return spaces.get(candidate.kind, {})
