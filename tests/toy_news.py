"""Synthetic news sentences with labelled names of persons, places and companies, whose context indicates the type."""

import json
import random

PERSONS = ["Anna Berg", "Paul Stone", "Mary Hill", "Omar Said", "Lena Voss", "Jack Reed", "Ines Roca", "Tom Falk"]
PLACES = ["Paris", "Lagos", "New Delhi", "Oslo", "Lima", "Cape Town", "Riga", "Quito"]
FIRMS = ["Acme Corp", "Volta AG", "Nordbank", "Sun Foods", "Delta Air", "Bluefin Ltd", "Kappa Group", "Orion Steel"]
FRAMES = [
    "{p} said on Monday that {f} would open in {l} .",
    "Shares of {f} fell , {p} told reporters in {l} .",
    "{p} flew from {l} to {l} on Tuesday .",
    "{f} named {p} as its new head .",
    "It rained in {l} all day .",
    "The talks with {f} ended without a word .",
    "Nothing was said about the price .",
    "{p} and {p} met again .",
]
TYPES = {"p": ("PER", PERSONS), "l": ("LOC", PLACES), "f": ("ORG", FIRMS)}


def sentences(count: int, seed: int, names_of_each: int = 8) -> list[tuple[str, list[list[int | str]]]]:
    """Generate texts with ``[start, end, type]`` of each name.

    Only the first `names_of_each` names of a type are used, so that a holdout can have names that train does not have.
    """
    draw = random.Random(seed)
    rows = []
    for _ in range(count):
        text, spans = "", list[list[int | str]]()
        for word in draw.choice(FRAMES).split(" "):
            text += " " if text else ""
            if word.strip("{}") in TYPES and word != word.strip("{}"):
                kind, names = TYPES[word.strip("{}")]
                name = draw.choice(names[:names_of_each])
                spans.append([len(text), len(text) + len(name), kind])
                word = name
            text += word
        rows.append((text, spans))
    return rows


def conll(count: int, seed: int, names_of_each: int = 8, document: int = 8) -> str:
    """Return the sentences in CoNLL format: one word per line with its tag in the last column, and several sentences per document."""
    lines = []
    for i, (text, spans) in enumerate(sentences(count, seed, names_of_each)):
        lines += ["-DOCSTART- -X- O", ""] if i % document == 0 else []
        at = 0
        for word in text.split(" "):
            inside = [span for span in spans if int(span[0]) <= at < int(span[1])]
            tag = "O" if not inside else f"{'B' if inside[0][0] == at else 'I'}-{inside[0][2]}"
            lines.append(f"{word} NN {tag}")
            at += len(word) + 1
        lines.append("")
    return "\n".join(lines)


def json_lines(count: int, seed: int) -> str:
    """Return the sentences as JSON Lines, with spans as objects."""
    rows = [
        {"text": text, "entities": [{"start": a, "end": b, "label": kind} for a, b, kind in spans]}
        for text, spans in sentences(count, seed)
    ]
    return "\n".join(json.dumps(row) for row in rows)
