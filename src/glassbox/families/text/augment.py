"""Texts varied a little, to teach beside themselves: words left out, neighbours swapped, words for words of like meaning.

Whether that helps is for folds to say. What becomes of a text depends on that text and the seed alone.
"""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

from glassbox.families.text.corpus import Corpus, Encode, Grams
from glassbox.families.text.recipe import Variation

SHARE = {"dropout": 0.1, "swap": 0.1, "synonyms": 0.15}  # of the words are touched (Wei and Zou 2019, table 1, take 0.1)
SYNONYMS_OF = 3_000  # words: the most frequent
NEAREST = 0.6  # cosine: words less alike are no synonyms
WORDS: dict[Variation, str] = {
    "none": "texts as they are",
    "dropout": "each word left out with a chance of one in ten",
    "swap": "one in ten words changes places with the next",
    "synonyms": "some words replaced by the one of nearest meaning, by the sentence encoder",
}


def vary(texts: Sequence[str], how: Variation, seed: int, like: Mapping[str, str] | None = None) -> list[str]:
    """Each text once more, changed a little.

    >>> vary(["one two three four five six seven eight"], "swap", 1)[0] != "one two three four five six seven eight"
    True
    """
    if how == "none":
        return []
    return [_varied(text, how, seed, like or {}) for text in texts]


def _varied(text: str, how: Variation, seed: int, like: Mapping[str, str]) -> str:
    words = text.split(" ")
    digest = hashlib.sha256(f"{seed}:{how}:{text}".encode("utf-8", "surrogatepass")).digest()
    touched = np.random.default_rng(int.from_bytes(digest[:8], "big")).random(len(words)) < SHARE[how]
    if how == "dropout":
        kept = [word for word, out in zip(words, touched, strict=True) if not out]
        return " ".join(kept or words)
    if how == "synonyms":
        return " ".join(like.get(word.lower(), word) if change else word for word, change in zip(words, touched, strict=True))
    at = 0
    while at < len(words) - 1:
        if touched[at]:
            words[at], words[at + 1] = words[at + 1], words[at]
            at += 1
        at += 1
    return " ".join(words)


def synonyms(corpus: Corpus, encode: Encode) -> dict[str, str]:
    """For the most frequent words the one of nearest meaning among them; words without a near one are left out.

    Meaning is the embedding of the word by itself, so opposites (good, bad) can come out as near: folds are to say whether it helps.
    """
    counts, terms = corpus.counted(Grams("words", 1, 1))
    total = np.asarray(counts.sum(axis=0)).ravel()
    frequent = [
        i for i in np.lexsort((np.arange(len(total)), -total))[:SYNONYMS_OF] if str(terms[i]).isalpha() and len(str(terms[i])) > 3
    ]
    words = [str(terms[i]) for i in frequent]
    if len(words) < 2:
        return {}
    vectors = encode(words)[:, -1].astype(np.float64)
    near = vectors @ vectors.T
    np.fill_diagonal(near, -1.0)
    best = near.argmax(axis=1)
    return {word: words[j] for i, (word, j) in enumerate(zip(words, best, strict=True)) if near[i, j] >= NEAREST}
