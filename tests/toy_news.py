"""Synthetic news sentences with names of persons, places and firms, whose type follows from the context."""

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
    """Generate texts with the spans ``[start, end, type]`` of their names; `names_of_each` limits the names per type."""
    draw = random.Random(seed)
    made = []
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
        made.append((text, spans))
    return made


def conll(count: int, seed: int, names_of_each: int = 8, document: int = 8) -> str:
    """Generate the sentences in CoNLL format: one word per line, its tag in the last column, `document` sentences per document."""
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
    """Generate the sentences as JSON lines, with spans as objects."""
    rows = [
        {"text": text, "entities": [{"start": a, "end": b, "label": kind} for a, b, kind in spans]}
        for text, spans in sentences(count, seed)
    ]
    return "\n".join(json.dumps(row) for row in rows)
