"""Word counts by class, and the log-odds ratios that identify the distinctive words of each class."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from glassbox.families.text.corpus import WORD, Corpus, Floats, NgramSpec

PRIOR_WORDS = 500.0  # total pseudo-counts of the prior
FEWEST = 10  # occurrences: rarer words are never listed


@dataclass(frozen=True)
class TermCounts:
    """Occurrences of each word by class, of shape (words, classes), and the number of texts with the word."""

    words: list[str]
    by_class: Floats
    texts: npt.NDArray[np.int64]


def count_terms(corpus: Corpus, y: npt.NDArray[np.int64], classes: int, low: int = 1, high: int = 1) -> TermCounts:
    """Count the words (or word n-grams) of a corpus by class."""
    counts, terms = corpus.counted(NgramSpec("words", low, high))
    counts = counts[: len(y)]
    by_class = np.column_stack([np.asarray(counts[y == k].sum(axis=0)).ravel() for k in range(classes)]).astype(np.float64)
    return TermCounts(terms.tolist(), by_class, np.bincount(counts.indices, minlength=counts.shape[1]))


def log_odds_z_scores(terms: TermCounts) -> Floats:
    """Return the z-score of the log-odds ratio of each word in one class against all others, of shape (words, classes).

    Uses an informative Dirichlet prior, the words of all classes together: Monroe, Colaresi and Quinn (2008), equations 16, 19 and 22.

    Examples
    --------
    >>> by_class = np.array([[90.0, 10.0], [100.0, 100.0], [100.0, 100.0]])
    >>> z = log_odds_z_scores(TermCounts(["good", "film", "day"], by_class, np.array([50, 50, 50])))
    >>> bool(z[0, 0] > 3), bool(z[0, 1] < -3), bool(abs(z[1, 0]) < abs(z[0, 0]))
    (True, True, True)
    """
    counts = terms.by_class
    overall = counts.sum(axis=1)
    prior = (PRIOR_WORDS * overall / max(1.0, overall.sum()))[:, None]
    total, strength = counts.sum(axis=0)[None, :], float(prior.sum())
    rest, rest_total = overall[:, None] - counts, overall.sum() - total
    log_odds = np.log((counts + prior) / (total + strength - counts - prior))
    rest_log_odds = np.log((rest + prior) / (rest_total + strength - rest - prior))
    return np.asarray((log_odds - rest_log_odds) / np.sqrt(1 / (counts + prior) + 1 / (rest + prior)), dtype=np.float64)


def top_terms(terms: TermCounts, z: Floats, k: int, most: int) -> list[int]:
    """Return the positions of the words with the highest z-scores for class `k`, among those with at least `FEWEST` occurrences."""
    frequent = terms.by_class.sum(axis=1) >= min(FEWEST, terms.by_class.sum(axis=1).max(initial=0.0))
    ranked = np.lexsort((np.arange(len(z)), -np.where(frequent, z[:, k], -np.inf)))
    return [int(i) for i in ranked[:most] if frequent[i] and z[i, k] > 0]


def lengths(texts: Sequence[str]) -> npt.NDArray[np.int64]:
    """Return the number of words in each text."""
    return np.array([len(WORD.findall(text)) for text in texts], dtype=np.int64)


def languages(texts: Sequence[str], most_characters: int = 300) -> list[str]:
    """Detect the language of each text from its first characters, as an ISO 639-1 code, or ``?`` where it is not recognised."""
    from lingua import LanguageDetectorBuilder

    detector = LanguageDetectorBuilder.from_all_languages().with_low_accuracy_mode().with_minimum_relative_distance(0.02).build()
    detected = [detector.detect_language_of(text[:most_characters]) for text in texts]
    return ["?" if language is None else language.iso_code_639_1.name.lower() for language in detected]
