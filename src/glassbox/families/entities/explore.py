"""What the entities look like: types, lengths, how many names are ambiguous or never seen twice, near-duplicates. Of train alone."""

from collections import Counter, defaultdict

import numpy as np
import pandas as pd

from glassbox.families.classification.plots.balance import shares
from glassbox.families.entities.dataset import EntityDataset
from glassbox.families.text.log_odds_terms import lengths
from glassbox.findings.model import Cell, Facts, Mark, Passage, Passages, Table
from glassbox.findings.wording import clean, listed, number, percent


def balance(sentences: EntityDataset) -> pd.DataFrame:
    """Each type, the most frequent first: ``class``, ``n``, ``share``, ``low``, ``high``; of all entities."""
    counts = Counter(span.type for row in sentences.spans for span in row)
    return shares(sentences.types, np.array([counts[name] for name in sentences.types], dtype=np.int64))


def types_by_name(sentences: EntityDataset) -> dict[str, Counter[str]]:
    """For each name the types that it has, and how often."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for text, row in zip(sentences.texts, sentences.spans, strict=True):
        for span in row:
            found[text[span.start : span.end]][span.type] += 1
    return found


def type_table(sentences: EntityDataset) -> Table:
    """Each type: how many entities, how many different names, how long, how often a name is new."""
    rows = []
    names = types_by_name(sentences)
    for kind in sentences.types:
        own = {name: counts[kind] for name, counts in names.items() if counts[kind]}
        total = sum(own.values())
        words = [len(name.split()) for name, n in own.items() for _ in range(n)]
        common = sorted(own, key=lambda name: (-own[name], name))[:5]
        rows.append(
            {
                "type": kind,
                "entities": total,
                "names": len(own),
                "once": sum(n == 1 for n in own.values()) / max(1, len(own)),
                "words": float(np.mean(words)) if words else None,
                "most frequent": ", ".join(clean(name) for name in common),
            }
        )
    scarce = max(rows, key=lambda row: float(str(row["once"])))
    say = f"Of the names of type {scarce['type']}, {number(float(str(scarce['once'])), '.0%')} stand once only: a list of names will not find the next ones."
    return Table.of(
        pd.DataFrame(rows), "Types", say=say, formats={"once": ".0%", "words": ".2f", "entities": ",d", "names": ",d"}
    )


def ambiguity_table(sentences: EntityDataset, most: int = 10) -> Table:
    """Names that stand for several types, and names that often stand for nothing."""
    names = types_by_name(sentences)
    torn = {name: counts for name, counts in names.items() if len(counts) > 1}
    total = sum(sum(counts.values()) for counts in names.values())
    share = sum(sum(counts.values()) for counts in torn.values()) / max(1, total)
    order = sorted(torn, key=lambda name: (-(sum(torn[name].values()) - max(torn[name].values())), name))[:most]
    rows = [
        {
            "name": clean(name),
            "types": ", ".join(f"{kind} {n}" for kind, n in sorted(torn[name].items(), key=lambda item: (-item[1], item[0]))),
            "entities": sum(torn[name].values()),
        }
        for name in order
    ]
    say = f"{len(torn):,} names stand for more than one type; {number(share, '.1%')} of all entities bear such a name."
    if order:
        say += f" The most torn are {listed([clean(name) for name in order[:3]])}."
    return Table.of(
        pd.DataFrame(rows, columns=["name", "types", "entities"]), "Names of several types", say=say, formats={"entities": ",d"}
    )


def length_facts(sentences: EntityDataset) -> Facts:
    """How long texts are, and how full of entities."""
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
    return Facts(title="Texts", say=say, facts=facts)


def labelled_examples(sentences: EntityDataset, most: int = 4) -> Passages:
    """Texts as they are labelled, the richest in types first."""
    rich = sorted(
        (i for i, text in enumerate(sentences.texts) if len(text) <= 300),
        key=lambda i: (-len({span.type for span in sentences.spans[i]}), -len(sentences.spans[i]), sentences.row_ids[i]),
    )[:most]
    passages = [
        Passage(
            head=f"{len(sentences.spans[i])} entities",
            text=sentences.texts[i],
            marks=[Mark(start=span.start, end=span.end, label=span.type) for span in sentences.spans[i]],
        )
        for i in rich
    ]
    return Passages(
        title="As they are labelled",
        say="What the labels call an entity, and where it ends, is a convention: read a few.",
        passages=passages,
    )
