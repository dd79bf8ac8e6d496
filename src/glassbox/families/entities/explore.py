"""Exploratory analysis of the training entities: types, text lengths, and rare or ambiguous names."""

from collections import Counter, defaultdict

import numpy as np
import pandas as pd

from glassbox.families.classification.plots.balance import shares
from glassbox.families.entities.dataset import EntityDataset
from glassbox.families.text.log_odds_terms import lengths
from glassbox.findings.model import Cell, Facts, Mark, Passage, Passages, Table
from glassbox.findings.wording import clean, join_names, number, percent


def balance(sentences: EntityDataset) -> pd.DataFrame:
    """Return the share of each type among all entities, the most frequent first: ``class``, ``n``, ``share``, ``low``, ``high``."""
    counts = Counter(span.type for row in sentences.spans for span in row)
    return shares(sentences.types, np.array([counts[name] for name in sentences.types], dtype=np.int64))


def types_by_name(sentences: EntityDataset) -> dict[str, Counter[str]]:
    """Count the occurrences of each name by type."""
    types: dict[str, Counter[str]] = defaultdict(Counter)
    for text, row in zip(sentences.texts, sentences.spans, strict=True):
        for span in row:
            types[text[span.start : span.end]][span.type] += 1
    return types


def type_table(sentences: EntityDataset) -> Table:
    """Return entities, distinct names, share of names that occur once, mean length and most frequent names of each type."""
    rows = []
    names = types_by_name(sentences)
    for kind in sentences.types:
        frequency = {name: counts[kind] for name, counts in names.items() if counts[kind]}
        total = sum(frequency.values())
        words = [len(name.split()) for name, n in frequency.items() for _ in range(n)]
        common = sorted(frequency, key=lambda name: (-frequency[name], name))[:5]
        rows.append(
            {
                "type": kind,
                "entities": total,
                "names": len(frequency),
                "once": sum(n == 1 for n in frequency.values()) / max(1, len(frequency)),
                "words": float(np.mean(words)) if words else None,
                "most frequent": ", ".join(clean(name) for name in common),
            }
        )
    rarest = max(rows, key=lambda row: float(str(row["once"])))
    say = (
        f"{number(float(str(rarest['once'])), '.0%')} of the names of type {rarest['type']} occur only once, "
        "so a list of known names generalises poorly."
    )
    return Table.of(
        pd.DataFrame(rows), "Entity types", say=say, formats={"once": ".0%", "words": ".2f", "entities": ",d", "names": ",d"}
    )


def ambiguity_table(sentences: EntityDataset, most: int = 10) -> Table:
    """Return the names that occur with several types, the most ambiguous first."""
    names = types_by_name(sentences)
    ambiguous = {name: counts for name, counts in names.items() if len(counts) > 1}
    total = sum(sum(counts.values()) for counts in names.values())
    share = sum(sum(counts.values()) for counts in ambiguous.values()) / max(1, total)
    order = sorted(ambiguous, key=lambda name: (-(sum(ambiguous[name].values()) - max(ambiguous[name].values())), name))[:most]
    rows = [
        {
            "name": clean(name),
            "types": ", ".join(
                f"{kind} {n}" for kind, n in sorted(ambiguous[name].items(), key=lambda item: (-item[1], item[0]))
            ),
            "entities": sum(ambiguous[name].values()),
        }
        for name in order
    ]
    say = f"{len(ambiguous):,} names occur with more than one type; they account for {number(share, '.1%')} of all entities."
    if order:
        say += f" The most ambiguous are {join_names([clean(name) for name in order[:3]])}."
    return Table.of(
        pd.DataFrame(rows, columns=["name", "types", "entities"]), "Ambiguous names", say=say, formats={"entities": ",d"}
    )


def length_facts(sentences: EntityDataset) -> Facts:
    """Summarise the lengths of the texts and the number of entities in them."""
    words = lengths(sentences.texts)
    per = np.array([len(row) for row in sentences.spans])
    facts: dict[str, Cell] = {
        "words in a text, median": float(np.median(words)),
        "words in a text, longest": int(words.max()),
        "entities in a text, mean": float(per.mean()),
        "entities in a text, most": int(per.max()),
        "texts without any": number(float((per == 0).mean()), ".1%"),
        "texts in capital letters": int(sum(text.isupper() for text in sentences.texts)),
        "documents": len(set(sentences.documents)),
    }
    say = f"The median text has {float(np.median(words)):,.0f} words and {per.mean():.1f} entities; {percent(float((per == 0).mean()))} have none."
    return Facts(title="Text length", say=say, facts=facts)


def labelled_examples(sentences: EntityDataset, most: int = 4) -> Passages:
    """Return labelled training texts, those with the most entity types first."""
    richest = sorted(
        (i for i, text in enumerate(sentences.texts) if len(text) <= 300),
        key=lambda i: (-len({span.type for span in sentences.spans[i]}), -len(sentences.spans[i]), sentences.row_ids[i]),
    )[:most]
    passages = [
        Passage(
            head=f"{len(sentences.spans[i])} entities",
            text=sentences.texts[i],
            marks=[Mark(start=span.start, end=span.end, label=span.type) for span in sentences.spans[i]],
        )
        for i in richest
    ]
    return Passages(
        title="Labelled examples",
        say="Read a few examples to see the labelling convention: what counts as an entity and where it ends.",
        passages=passages,
    )
