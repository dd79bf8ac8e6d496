"""The candidates for named entities, and the hyperparameters that tuning searches."""

from glassbox.families.protocol import Effort, Space
from glassbox.families.shared.candidates import Candidate
from glassbox.request.model import Cost

FROM_SCRATCH = 4  # times as many epochs, where there is no pretrained pipeline to start from


def candidates(cost: Cost, effort: Effort, *, encoder: bool, pipeline: bool) -> list[Candidate]:
    """Return the candidates by default, from a list of names to a fine-tuned transformer.

    Parameters
    ----------
    encoder, pipeline
        True where the request names such weights.
    """
    epochs = effort.sizes["epochs"]
    found = [Candidate(name="gazetteer", kind="gazetteer")]
    if pipeline:
        found.append(Candidate(name="pretrained spaCy", kind="pretrained"))
    if encoder and cost != "low":
        found.append(Candidate(name="token head on the encoder", kind="token_head", params={"epochs": 20}))
    if pipeline:
        params: dict[str, int | str] = {"epochs": epochs, "start": "pipeline"}
        found.append(Candidate(name="spaCy, fine-tuned", kind="recogniser", params=params))
    else:
        params = {"epochs": FROM_SCRATCH * epochs, "start": "nothing"}
        found.append(Candidate(name="spaCy, trained from nothing", kind="recogniser", params=params))
    if encoder and cost == "high":
        found.append(Candidate(name="transformer, fine-tuned", kind="tagger", params={"epochs": 3}))
    return found


def search_space(candidate: Candidate) -> Space:
    """Return the hyperparameters of a candidate that are searched by default; none where its kind has none."""
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
