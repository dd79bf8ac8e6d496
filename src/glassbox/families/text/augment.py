"""Text augmentation for training: random word deletion, random swap of adjacent words, and synonym replacement.

Cross-validation decides whether augmentation is used. The augmented copy of a text depends only on that text and the seed.
"""

import hashlib
from collections.abc import Mapping, Sequence

import numpy as np

from glassbox.families.text.corpus import Corpus, Encode, NgramSpec
from glassbox.families.text.recipe import Augmentation

SHARE = {"dropout": 0.1, "swap": 0.1, "synonyms": 0.15}  # of words changed (Wei and Zou 2019, table 1, use 0.1)
MAX_SYNONYM_WORDS = 3_000  # only the most frequent words get a synonym
MIN_SIMILARITY = 0.6  # cosine similarity of two words to count as synonyms
DESCRIPTIONS: dict[Augmentation, str] = {
    "none": "texts unchanged",
    "dropout": "each word deleted with a probability of one in ten",
    "swap": "one word in ten swapped with the next",
    "synonyms": "some words replaced by their nearest neighbour in the sentence encoder's embedding space",
}


def augment_texts(texts: Sequence[str], how: Augmentation, seed: int, like: Mapping[str, str] | None = None) -> list[str]:
    """Return one augmented copy of each text; no copies when `how` is ``none``.

    >>> augment_texts(["one two three four five six seven eight"], "swap", 1)[0] != "one two three four five six seven eight"
    True
    """
    if how == "none":
        return []
    return [_augmented(text, how, seed, like or {}) for text in texts]


def _augmented(text: str, how: Augmentation, seed: int, like: Mapping[str, str]) -> str:
    words = text.split(" ")
    digest = hashlib.sha256(f"{seed}:{how}:{text}".encode("utf-8", "surrogatepass")).digest()
    touched = np.random.default_rng(int.from_bytes(digest[:8], "big")).random(len(words)) < SHARE[how]
    if how == "dropout":
        remaining = [word for word, dropped in zip(words, touched, strict=True) if not dropped]
        return " ".join(remaining or words)
    if how == "synonyms":
        return " ".join(like.get(word.lower(), word) if change else word for word, change in zip(words, touched, strict=True))
    position = 0
    while position < len(words) - 1:
        if touched[position]:
            words[position], words[position + 1] = words[position + 1], words[position]
            position += 1
        position += 1
    return " ".join(words)


def synonyms(corpus: Corpus, encode: Encode) -> dict[str, str]:
    """Map each of the most frequent words to its nearest neighbour among them, by cosine similarity of their embeddings.

    Words without a neighbour above `MIN_SIMILARITY` are left out. Each word is embedded on its own, so antonyms (good, bad) can be
    close to each other; cross-validation decides whether the replacement helps.
    """
    counts, terms = corpus.counted(NgramSpec("words", 1, 1))
    total = np.asarray(counts.sum(axis=0)).ravel()
    frequent = [
        i
        for i in np.lexsort((np.arange(len(total)), -total))[:MAX_SYNONYM_WORDS]
        if str(terms[i]).isalpha() and len(str(terms[i])) > 3
    ]
    words = [str(terms[i]) for i in frequent]
    if len(words) < 2:
        return {}
    vectors = encode(words)[:, -1].astype(np.float64)
    similarity = vectors @ vectors.T
    np.fill_diagonal(similarity, -1.0)
    nearest = similarity.argmax(axis=1)
    return {word: words[j] for i, (word, j) in enumerate(zip(words, nearest, strict=True)) if similarity[i, j] >= MIN_SIMILARITY}
