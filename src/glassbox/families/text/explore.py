"""What the texts look like: lengths, words, what tells classes apart, near-duplicates, languages. Of train alone."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from glassbox.families.classification.dataset import Problem
from glassbox.families.classification.plots.balance import shares
from glassbox.families.text.corpus import Corpus
from glassbox.families.text.log_odds_terms import Counted, languages, strongest, telling
from glassbox.findings.model import Cell, Facts, Passage, Passages, Table
from glassbox.findings.wording import clean, join_names, number, percent

LANGUAGES_SAMPLED = 2_000
CLIPPED = 280  # characters of a text that are shown


def balance(problem: Problem) -> pd.DataFrame:
    """Each class, the most frequent first: ``class``, ``n``, ``share``, ``low``, ``high``; of all rows."""
    return shares(problem.classes, np.bincount(problem.y, minlength=len(problem.classes)))


def length_table(words: npt.NDArray[np.int64], problem: Problem) -> Table:
    """Words a text, by class and over all."""
    parts = [("all", np.ones(len(words), dtype=bool)), *((name, problem.y == k) for k, name in enumerate(problem.classes))]
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
    apart = max(medians) / max(1.0, min(medians))
    told = "Length alone tells something of the class" if apart > 1.25 else "Length alone tells little of the class"
    say = f"Half of the texts have {rows[0]['median']:,.0f} words or fewer. {told}: the medians of the classes are {apart:.2f} times apart at most."
    return Table.of(
        pd.DataFrame(rows), "Words in a text", say=say, formats={"5 %": ",.0f", "median": ",.0f", "95 %": ",.0f", "longest": ",d"}
    )


def vocabulary_facts(found: Counted, words: npt.NDArray[np.int64], corpus: Corpus) -> Facts:
    """How many words there are, how many of them are rare, and how much of the running text the frequent ones make up."""
    whole = np.sort(found.by_class.sum(axis=1))[::-1]
    running, known = int(words.sum()), int(whole.sum())
    facts: dict[str, Cell] = {
        "running words": running,
        "words in two texts or more": len(found.words),
        "share of running words in one text alone": number(1 - known / max(1, running), ".1%"),
        "share of the 1,000 most frequent": number(float(whole[:1000].sum()) / max(1, running), ".1%"),
        "share of the 10,000 most frequent": number(float(whole[:10_000].sum()) / max(1, running), ".1%"),
    }
    say = (
        f"{len(found.words):,} words stand in two texts or more; {facts['share of running words in one text alone']} of the running words "
        "stand in one text alone, and no model of words can learn those."
    )
    return Facts(title="Vocabulary", say=say, facts=facts)


def telling_table(found: Counted, problem: Problem, most: int = 10) -> Table:
    """The words that tell each class from the others, the surest first."""
    z = telling(found)
    rows = []
    for k, name in enumerate(problem.classes):
        best = strongest(found, z, k, most)
        rows.append(
            {
                "class": name,
                "words that stand out": ", ".join(found.words[i] for i in best),
                "z of the first": float(z[best[0], k]) if best else None,
            }
        )
    say = "; ".join(
        f"{clean(row['class'])}: {join_names(str(row['words that stand out']).split(', ')[:3])}"
        for row in rows[:4]
        if row["words that stand out"]
    )
    return Table.of(
        pd.DataFrame(rows), "What tells the classes apart", say=f"{say}.", formats={"z of the first": ".1f"},
        note="Log-odds ratio against all other classes with a Dirichlet prior, in standard errors (Monroe, Colaresi and Quinn 2008).",
    )  # fmt: skip


def near_duplicates(groups: Sequence[str], corpus: Corpus, problem: Problem, most: int = 3) -> Passages:
    """Groups of texts that share nearly all their words, and those among them with different labels."""
    table = pd.DataFrame({"group": list(groups), "y": problem.y, "row": np.arange(len(problem.y))})
    sizes = table.groupby("group").agg(n=("row", "size"), labels=("y", "nunique"), first=("row", "min"))
    several = sizes[sizes["n"] > 1].sort_values(["labels", "n", "first"], ascending=[False, False, True])
    rows, torn = int(several["n"].sum()), int((several["labels"] > 1).sum())
    if not rows:
        say = "No two texts share nearly all their words."
    else:
        say = f"{rows:,} texts ({percent(rows / len(table), 1)}) share nearly all their words with another, in {len(several):,} groups"
        say += (
            f"; in {torn:,} of them the labels differ, so no model can be right on all."
            if torn
            else "; none of them disagree on the label."
        )
    shown = []
    for name, group in several.head(most).iterrows():
        texts = table[table["group"] == name].head(2)
        for place, row in enumerate(texts["row"], start=1):
            head = f"{place} of {int(group['n'])}, labelled {clean(problem.classes[problem.y[row]])}"
            shown.append(Passage(head=head, text=clip(corpus.texts[row])))
    note = "Folds keep such texts together, so that none is judged by a model that has seen its twin."
    return Passages(title="Near-duplicates", say=say, passages=shown, note=note)


def language_table(corpus: Corpus, row_ids: Sequence[str]) -> Table:
    """Languages, of a sample of the texts by the order of their names."""
    order = np.argsort(np.array(row_ids, dtype=str), kind="stable")[:: max(1, len(row_ids) // LANGUAGES_SAMPLED)][
        :LANGUAGES_SAMPLED
    ]
    found = pd.Series(languages([corpus.texts[i] for i in order])).value_counts()
    table = pd.DataFrame({"language": found.index, "texts": found.to_numpy(), "share": found.to_numpy() / len(order)})
    table = table.sort_values(["texts", "language"], ascending=[False, True], ignore_index=True)
    first = table.iloc[0]
    say = f"{percent(float(first['share']), 1)} of {len(order):,} texts are in {first['language']}."
    note = "? is what cannot be told, as in very short texts; single texts in rare languages are mostly short ones taken wrongly."
    return Table.of(table.head(8), "Languages", say=say, formats={"share": ".1%", "texts": ",d"}, note=note)


def clip(text: str, most: int = CLIPPED) -> str:
    """The beginning of a text.

    >>> clip("one two three", 8)
    'one two …'
    """
    return text if len(text) <= most else f"{text[:most].rsplit(' ', 1)[0]} …"
