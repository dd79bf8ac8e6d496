"""Exploratory analysis of the training texts: lengths, vocabulary, distinctive words, near-duplicates and languages."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from glassbox.families.classification.dataset import LabelledRows
from glassbox.families.classification.plots.balance import shares
from glassbox.families.text.corpus import Corpus
from glassbox.families.text.log_odds_terms import TermCounts, languages, log_odds_z_scores, top_terms
from glassbox.findings.model import Cell, Facts, Passage, Passages, Table
from glassbox.findings.wording import clean, join_names, number, percent

LANGUAGES_SAMPLED = 2_000
SHOWN_CHARACTERS = 280


def balance(labelled: LabelledRows) -> pd.DataFrame:
    """Return the class balance, the most frequent class first: ``class``, ``n``, ``share``, ``low``, ``high``."""
    return shares(labelled.classes, np.bincount(labelled.y, minlength=len(labelled.classes)))


def length_table(words: npt.NDArray[np.int64], labelled: LabelledRows) -> Table:
    """Return quantiles of the number of words in a text, overall and by class."""
    parts = [("all", np.ones(len(words), dtype=bool)), *((name, labelled.y == k) for k, name in enumerate(labelled.classes))]
    rows: list[dict[str, Any]] = []
    for name, inside in parts:
        low, middle, high = (float(np.quantile(words[inside], q)) for q in (0.05, 0.5, 0.95))
        rows.append(
            {
                "class": name,
                "texts": int(inside.sum()),
                "5 %": low,
                "median": middle,
                "95 %": high,
                "longest": int(words[inside].max()),
            }
        )
    medians = [row["median"] for row in rows[1:]]
    ratio = max(medians) / max(1.0, min(medians))
    claim = "Length alone is informative about the class" if ratio > 1.25 else "Length alone says little about the class"
    say = (
        f"Half of the texts have {rows[0]['median']:,.0f} words or fewer. {claim}: "
        f"the largest median of a class is {ratio:.2f} times the smallest."
    )
    return Table.of(
        pd.DataFrame(rows),
        "Text length in words",
        say=say,
        formats={"5 %": ",.0f", "median": ",.0f", "95 %": ",.0f", "longest": ",d"},
    )


def vocabulary_facts(counts: TermCounts, words: npt.NDArray[np.int64], corpus: Corpus) -> Facts:
    """Summarise the vocabulary: its size, the share of rare words, and the share of all words that frequent ones account for."""
    totals = np.sort(counts.by_class.sum(axis=1))[::-1]
    running, known = int(words.sum()), int(totals.sum())
    facts: dict[str, Cell] = {
        "running words": running,
        "words in two texts or more": len(counts.words),
        "share of running words that occur in one text only": number(1 - known / max(1, running), ".1%"),
        "share of the 1,000 most frequent": number(float(totals[:1000].sum()) / max(1, running), ".1%"),
        "share of the 10,000 most frequent": number(float(totals[:10_000].sum()) / max(1, running), ".1%"),
    }
    say = (
        f"{len(counts.words):,} words occur in two texts or more. "
        f"{facts['share of running words that occur in one text only']} of the running words occur in one text only, "
        "so a word model cannot learn them."
    )
    return Facts(title="Vocabulary", say=say, facts=facts)


def distinctive_terms_table(counts: TermCounts, labelled: LabelledRows, most: int = 10) -> Table:
    """Return the most distinctive words of each class, by the z-score of their log-odds ratio."""
    z = log_odds_z_scores(counts)
    rows = []
    for k, name in enumerate(labelled.classes):
        terms = top_terms(counts, z, k, most)
        rows.append(
            {
                "class": name,
                "distinctive words": ", ".join(counts.words[i] for i in terms),
                "z-score of the first": float(z[terms[0], k]) if terms else None,
            }
        )
    say = "; ".join(
        f"{clean(row['class'])}: {join_names(str(row['distinctive words']).split(', ')[:3])}"
        for row in rows[:4]
        if row["distinctive words"]
    )
    return Table.of(
        pd.DataFrame(rows), "Distinctive words by class", say=f"{say}.", formats={"z-score of the first": ".1f"},
        note="Log-odds ratio against all other classes with a Dirichlet prior, in standard errors (Monroe, Colaresi and Quinn 2008).",
    )  # fmt: skip


def near_duplicates(groups: Sequence[str], corpus: Corpus, labelled: LabelledRows, most: int = 3) -> Passages:
    """Summarise groups of near-duplicate texts, and the groups whose texts have different labels."""
    table = pd.DataFrame({"group": list(groups), "y": labelled.y, "row": np.arange(len(labelled.y))})
    sizes = table.groupby("group").agg(n=("row", "size"), labels=("y", "nunique"), first=("row", "min"))
    several = sizes[sizes["n"] > 1].sort_values(["labels", "n", "first"], ascending=[False, False, True])
    rows, conflicting = int(several["n"].sum()), int((several["labels"] > 1).sum())
    if not rows:
        say = "There are no near-duplicates among the texts."
    else:
        say = f"{rows:,} texts ({percent(rows / len(table), 1)}) are near-duplicates of another, in {len(several):,} groups"
        say += (
            f"; in {conflicting:,} of them the labels differ, so no model can be right on all of their texts."
            if conflicting
            else "; the texts of each group have the same label."
        )
    passages = []
    for name, group in several.head(most).iterrows():
        texts = table[table["group"] == name].head(2)
        for position, row in enumerate(texts["row"], start=1):
            head = f"{position} of {int(group['n'])}, labelled {clean(labelled.classes[labelled.y[row]])}"
            passages.append(Passage(head=head, text=clip(corpus.texts[row])))
    note = "All near-duplicates of a text are in one fold, so no model is evaluated on a near-duplicate of a training text."
    return Passages(title="Near-duplicates", say=say, passages=passages, note=note)


def language_table(corpus: Corpus, row_ids: Sequence[str]) -> Table:
    """Count the detected languages in a sample of the texts, drawn by the order of their row ids."""
    order = np.argsort(np.array(row_ids, dtype=str), kind="stable")[:: max(1, len(row_ids) // LANGUAGES_SAMPLED)][
        :LANGUAGES_SAMPLED
    ]
    counts = pd.Series(languages([corpus.texts[i] for i in order])).value_counts()
    table = pd.DataFrame({"language": counts.index, "texts": counts.to_numpy(), "share": counts.to_numpy() / len(order)})
    table = table.sort_values(["texts", "language"], ascending=[False, True], ignore_index=True)
    first = table.iloc[0]
    say = f"{percent(float(first['share']), 1)} of {len(order):,} texts are in {first['language']}."
    note = (
        "? means that the language was not recognised, as with very short texts. "
        "Single texts in a rare language are mostly short texts that were misclassified."
    )
    return Table.of(table.head(8), "Languages", say=say, formats={"share": ".1%", "texts": ",d"}, note=note)


def clip(text: str, most: int = SHOWN_CHARACTERS) -> str:
    """Shorten a text to its first words.

    >>> clip("one two three", 8)
    'one two …'
    """
    return text if len(text) <= most else f"{text[:most].rsplit(' ', 1)[0]} …"
