"""What is tried when nobody says otherwise, and how much is searched."""

from glassbox.families.shared.candidates import Candidate
from glassbox.request.model import Cost

# Counted, never timed: a slower machine gives the same answer later.
TRIALS: dict[Cost, int] = {"low": 2, "medium": 4, "high": 30}


def candidates(cost: Cost, *, encoder: bool) -> list[Candidate]:
    """From a model that reads nothing to a fine-tuned transformer.

    Parameters
    ----------
    cost
        `low` tries one model of words, `medium` all that two cores can fit in minutes, `high` a fine-tuned transformer too.
    encoder
        Whether the request names a sentence encoder (`weights.encoder`).
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
