"""Words counted by class: what tells classes apart, and how far a vocabulary reaches."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glassbox.families.text.corpus import WORD, Corpus, Floats, Grams

PRIOR_WORDS = 500.0  # how many words of the whole the prior counts as
FEWEST = 10  # a word that stands less often tells nothing


@dataclass(frozen=True)
class Counted:
    """How often each word stands in the texts of each class: (words, classes), and in how many texts at all."""

    words: list[str]
    by_class: Floats
    texts: npt.NDArray[np.int64]


def count(corpus: Corpus, y: npt.NDArray[np.int64], classes: int, low: int = 1, high: int = 1) -> Counted:
    """Count the words (or runs of words) of a corpus by class."""
    counts, terms = corpus.counted(Grams("words", low, high))
    counts = counts[: len(y)]
    by_class = np.column_stack([np.asarray(counts[y == k].sum(axis=0)).ravel() for k in range(classes)]).astype(np.float64)
    return Counted(terms.tolist(), by_class, np.bincount(counts.indices, minlength=counts.shape[1]))


def telling(found: Counted) -> Floats:
    """How surely each word stands more often in one class than in the others: z of the log-odds ratio, (words, classes).

    With a Dirichlet prior of the words of all classes together: Monroe, Colaresi and Quinn (2008), equations 16, 19 and 22.

    Examples
    --------
    >>> z = telling(Counted(["good", "film"], np.array([[90.0, 10.0], [100.0, 100.0]]), np.array([50, 50])))
    >>> bool(z[0, 0] > 3), bool(z[0, 1] < -3), bool(abs(z[1, 0]) < abs(z[0, 0]))
    (True, True, True)
    """
    counts = found.by_class
    whole = counts.sum(axis=1)
    prior = (PRIOR_WORDS * whole / max(1.0, whole.sum()))[:, None]
    total, strength = counts.sum(axis=0)[None, :], float(prior.sum())
    rest, rest_total = whole[:, None] - counts, whole.sum() - total
    ours = np.log((counts + prior) / (total + strength - counts - prior))
    theirs = np.log((rest + prior) / (rest_total + strength - rest - prior))
    return np.asarray((ours - theirs) / np.sqrt(1 / (counts + prior) + 1 / (rest + prior)), dtype=np.float64)


def strongest(found: Counted, z: Floats, k: int, most: int) -> list[int]:
    """The words that stand out most for class `k`, those with `FEWEST` occurrences or more, the surest first."""
    often = found.by_class.sum(axis=1) >= min(FEWEST, found.by_class.sum(axis=1).max(initial=0.0))
    ranked = np.lexsort((np.arange(len(z)), -np.where(often, z[:, k], -np.inf)))
    return [int(i) for i in ranked[:most] if often[i] and z[i, k] > 0]


def lengths(texts: Sequence[str]) -> npt.NDArray[np.int64]:
    """How many words each text has."""
    return np.array([len(WORD.findall(text)) for text in texts], dtype=np.int64)


def languages(texts: Sequence[str], most_characters: int = 300) -> list[str]:
    """The language of each text as two letters, or ``?`` where it cannot be told; found from its beginning."""
    from lingua import LanguageDetectorBuilder

    detector = LanguageDetectorBuilder.from_all_languages().with_low_accuracy_mode().with_minimum_relative_distance(0.02).build()
    found = [detector.detect_language_of(text[:most_characters]) for text in texts]
    return ["?" if language is None else language.iso_code_639_1.name.lower() for language in found]
