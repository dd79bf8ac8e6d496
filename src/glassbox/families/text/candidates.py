"""Default candidates and search spaces for text classification."""

from glassbox.families.protocol import Space
from glassbox.families.shared.candidates import Candidate
from glassbox.request.model import Cost


def candidates(cost: Cost, *, encoder: bool) -> list[Candidate]:
    """Return the default candidates, from the class frequencies to a fine-tuned transformer.

    Parameters
    ----------
    cost
        `low` tries one word model, `medium` all models that two cores can fit in minutes, `high` also a fine-tuned transformer.
    encoder
        True if the request names a sentence encoder (`weights.encoder`).
    """
    quick = {"ngrams": [1, 1]} if cost == "low" else {}  # a tenth of the terms
    few = [
        Candidate(name="majority", kind="majority"),
        Candidate(name="TF-IDF of words, logistic regression", kind="words", params={"head": "logistic", "C": 1.0, **quick}),
        Candidate(name="NB-SVM", kind="naive_bayes_linear", params={"C": 0.1, "ngrams": [1, 3], "min_rows": 3}),
    ]
    embedded = (
        [
            Candidate(name="sentence embeddings, logistic regression", kind="embeddings", params={"C": 0.03}),
            Candidate(
                name="all layers of the encoder, logistic regression", kind="embeddings", params={"C": 0.003, "layers": True}
            ),
        ]
        if encoder
        else []
    )
    if cost == "low":
        return few + embedded
    characters = {"ngrams": [3, 4] if cost == "medium" else [2, 5], "min_rows": 5, "most_terms": 200_000}
    more = [
        Candidate(
            name="NB-SVM of TF-IDF",
            kind="naive_bayes_linear",
            params={"C": 50.0, "ngrams": [1, 3], "min_rows": 2, "most_terms": 2_000_000, "tf_idf": True},
        ),
        Candidate(name="TF-IDF of words, linear SVM", kind="words", params={"head": "svm", "C": 0.5}),
        Candidate(
            name="TF-IDF of characters, logistic regression",
            kind="characters",
            params={"head": "logistic", "C": 5.0, **characters},
        ),
        Candidate(name="TF-IDF of characters, linear SVM", kind="characters", params={"head": "svm", "C": 0.5, **characters}),
    ]
    tuned = (
        [Candidate(name="fine-tuned transformer", kind="transformer", params={"epochs": 2})] if encoder and cost == "high" else []
    )
    return few + more + embedded + tuned


def search_space(candidate: Candidate) -> Space:
    """Return the default search space of a candidate; empty if its kind has no hyperparameters to search."""
    c = {"low": 10.0, "high": 300.0, "log": True} if candidate.params.get("tf_idf") else {"low": 0.01, "high": 1.0, "log": True}
    spaces: dict[str, Space] = {
        "words": {"C": {"low": 0.1, "high": 100.0, "log": True}, "min_rows": {"low": 1, "high": 5}},
        "characters": {"C": {"low": 0.1, "high": 50.0, "log": True}, "min_rows": {"low": 3, "high": 10}},
        "naive_bayes_linear": {
            "C": c,
            "beta": {"low": 0.25, "high": 1.0},
            "alpha": {"low": 0.3, "high": 3.0, "log": True},
        },
        "embeddings": {"C": {"low": 0.0003, "high": 0.3, "log": True}},
    }
    return spaces.get(candidate.kind, {})
