"""The kinds of entity recogniser, with the functions that fit and load them; models are saved without pickle.

A new kind is one row in `KINDS`.
"""

import re
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from glassbox.families.entities import spacy_model, tokens
from glassbox.families.entities.dataset import EntityDataset, Ints
from glassbox.families.entities.spans import Span
from glassbox.families.registry import ModelSpec, Registry
from glassbox.files import files_below, read_json, write_bytes, write_json


class Model(Protocol):
    """A fitted recogniser."""

    def find(self, texts: Sequence[str]) -> list[list[Span]]:
        """Return the entities of each text, in order."""
        ...

    def save(self, folder: Path) -> None:
        """Write the model to `folder`; equal fits give equal bytes."""
        ...


@dataclass(frozen=True)
class Fitting:
    """The settings of a fit: hyperparameters, seed and threads."""

    params: Mapping[str, Any]
    seed: int
    threads: int


@dataclass(frozen=True)
class RecogniserSpec(ModelSpec[Callable[[EntityDataset, Ints, Fitting], Model], Callable[[Path], Model]]):
    """A kind of recogniser.

    Attributes
    ----------
    needs
        The pretrained weights that it requires.
    predict_rows
        Predicts rows of train from the computations that all fits share; None predicts from the texts.
    """

    needs: tuple[str, ...] = ()
    predict_rows: Callable[[Model, EntityDataset, Ints], list[list[Span]]] | None = None


def predict_rows(kind: str, model: Model, sentences: EntityDataset, rows: Ints) -> list[list[Span]]:
    """Return the entities that a model predicts in some rows of train."""
    predict = KINDS[kind].predict_rows
    return predict(model, sentences, rows) if predict else model.find([sentences.texts[i] for i in rows])


# ---------------------------------------------------------------------------------------------------------- gazetteer


@dataclass(frozen=True)
class Gazetteer:
    """A lookup of names with their types: texts are scanned from left to right, and the longest match at each word wins."""

    names: dict[str, str]

    @cached_property
    def _longest(self) -> dict[str, int]:
        """The number of words of the longest name that begins with a word."""
        longest: dict[str, int] = {}
        for name in self.names:
            words = name.split(" ")
            longest[words[0]] = max(longest.get(words[0], 0), len(words))
        return longest

    def find(self, texts: Sequence[str]) -> list[list[Span]]:
        return [self._find_one(text) for text in texts]

    def _find_one(self, text: str) -> list[Span]:
        words = [(match.start(), match.end()) for match in re.finditer(r"\S+", text)]
        spans: list[Span] = []
        at = 0
        while at < len(words):
            start, end = words[at]
            most = self._longest.get(text[start:end], 0)
            ends = (i for i in range(min(at + most, len(words)) - 1, at - 1, -1) if text[start : words[i][1]] in self.names)
            last = next(ends, None)
            if last is not None:
                spans.append(Span(start, words[last][1], self.names[text[start : words[last][1]]]))
            at = at + 1 if last is None else last + 1
        return spans

    def save(self, folder: Path) -> None:
        write_json(folder / "names.json", dict(sorted(self.names.items())))


def _fit_gazetteer(sentences: EntityDataset, rows: Ints, fitting: Fitting) -> Gazetteer:
    """Collect names that occur at least ``at_least`` times as entities, and that are entities in at least half of their matches."""
    least = int(fitting.params.get("at_least", 1))
    counts: Counter[tuple[str, str]] = Counter()
    for i in rows:
        counts.update((sentences.texts[i][span.start : span.end], span.type) for span in sentences.spans[i])
    best: dict[str, tuple[int, str]] = {}
    for (name, kind), n in sorted(counts.items()):
        if n > best.get(name, (0, ""))[0]:
            best[name] = (n, kind)
    names = {name: kind for name, (n, kind) in best.items() if n >= least}
    matches = Counter(
        text[span.start : span.end] for text in (sentences.texts[i] for i in rows) for span in Gazetteer(names).find([text])[0]
    )
    return Gazetteer(
        {name: kind for name, kind in names.items() if 2 * sum(counts[name, k] for k in sentences.types) >= matches[name]}
    )


def _load_gazetteer(folder: Path) -> Gazetteer:
    return Gazetteer(read_json(folder / "names.json"))


# --------------------------------------------------------------------------------------------------- pretrained spaCy


@dataclass(frozen=True)
class Pretrained:
    """A pretrained spaCy pipeline; `types` maps its entity types to those of the data."""

    types: dict[str, str]
    folder: Path
    loaded: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def nlp(self) -> Any:
        if "nlp" not in self.loaded:
            self.loaded["nlp"] = spacy_model.load(self.folder)
        return self.loaded["nlp"]

    def find(self, texts: Sequence[str]) -> list[list[Span]]:
        return [self.map_types(row) for row in spacy_model.recognised(self.nlp, texts)]

    def map_types(self, spans: Sequence[Span]) -> list[Span]:
        return [span._replace(type=self.types[span.type]) for span in spans if span.type in self.types]

    def save(self, folder: Path) -> None:
        write_json(folder / "types.json", dict(sorted(self.types.items())))
        copy_folder(self.folder, folder / "pipeline")


MIN_PRECISION = 0.4  # a type of the pipeline is mapped only above this precision; below, it adds more errors than entities


def _fit_pretrained(sentences: EntityDataset, rows: Ints, fitting: Fitting) -> Pretrained:
    """Map each type of the pipeline to the type of the data that it matches most often, if precise enough."""
    assert sentences.shared.pipeline is not None
    hits: Counter[tuple[str, str]] = Counter()
    predicted: Counter[str] = Counter()
    for i in rows:
        truth = {(span.start, span.end): span.type for span in sentences.spans[i]}
        for span in sentences.shared.raw[i]:
            predicted[span.type] += 1
            if (span.start, span.end) in truth:
                hits[span.type, truth[span.start, span.end]] += 1
    types = {}
    for pipeline_type in sorted(predicted):
        best = max(sentences.types, key=lambda name: (hits[pipeline_type, name], name))
        if hits[pipeline_type, best] >= MIN_PRECISION * predicted[pipeline_type]:
            types[pipeline_type] = best
    return Pretrained(types, sentences.shared.pipeline)


def _load_pretrained(folder: Path) -> Pretrained:
    return Pretrained(read_json(folder / "types.json"), folder / "pipeline")


def _predict_pretrained(model: Any, sentences: EntityDataset, rows: Ints) -> list[list[Span]]:
    return [model.map_types(sentences.shared.raw[i]) for i in rows]


# ---------------------------------------------------------------------------------------------------------- fine-tuned


@dataclass(frozen=True)
class Trained:
    """A spaCy recogniser, trained or fine-tuned on the types of the data."""

    types: list[str]
    nlp: Any
    files: dict[str, bytes] = field(repr=False)

    def find(self, texts: Sequence[str]) -> list[list[Span]]:
        return [[span for span in row if span.type in self.types] for row in spacy_model.recognised(self.nlp, texts)]

    def save(self, folder: Path) -> None:
        write_json(folder / "types.json", self.types)
        for name, content in self.files.items():
            write_bytes(folder / "recogniser" / name, content)


def _fit_trained(sentences: EntityDataset, rows: Ints, fitting: Fitting) -> Trained:
    params = dict(fitting.params)
    pipeline = sentences.shared.pipeline if params.pop("start", "pipeline") == "pipeline" else None
    with tempfile.TemporaryDirectory(prefix="glassbox-") as name:
        texts, spans = [sentences.texts[i] for i in rows], [sentences.spans[i] for i in rows]
        folder = spacy_model.train(texts, spans, params, Path(name), seed=fitting.seed, pipeline=pipeline)
        return _read_trained(sentences.types, folder)


def _read_trained(types: list[str], folder: Path) -> Trained:
    return Trained(types, spacy_model.load(folder), {name: path.read_bytes() for name, path in files_below(folder)})


def _load_trained(folder: Path) -> Trained:
    return _read_trained(read_json(folder / "types.json"), folder / "recogniser")


# ------------------------------------------------------------------------------------------------ token classification


def _fit_token_head(sentences: EntityDataset, rows: Ints, fitting: Fitting) -> tokens.TokenHead:
    assert sentences.shared.encoder is not None
    encoder = tokens.Tokens(sentences.shared.encoder)
    spans = [sentences.spans[i] for i in rows]
    return tokens.fit_head(
        sentences.shared.tokens.take(rows.tolist()), spans, sentences.types, encoder, fitting.params, seed=fitting.seed
    )


def _predict_token_head(model: Any, sentences: EntityDataset, rows: Ints) -> list[list[Span]]:
    spans: list[list[Span]] = model.find([], sentences.shared.tokens.take(rows.tolist()))
    return spans


def _fit_tagger(sentences: EntityDataset, rows: Ints, fitting: Fitting) -> tokens.Tagger:
    assert sentences.shared.encoder is not None
    texts, spans = [sentences.texts[i] for i in rows], [sentences.spans[i] for i in rows]
    return tokens.fine_tune(
        texts, spans, sentences.types, sentences.shared.encoder, fitting.params, seed=fitting.seed, threads=fitting.threads
    )


def copy_folder(source: Path, target: Path) -> None:
    """Copy all files below a folder."""
    for name, path in files_below(source):
        write_bytes(target / name, path.read_bytes())


KINDS: Registry[RecogniserSpec] = Registry(
    gazetteer=RecogniserSpec(_fit_gazetteer, _load_gazetteer, 0),
    pretrained=RecogniserSpec(
        _fit_pretrained, _load_pretrained, 1, needs=("pipeline",), predict_rows=_predict_pretrained, pretrained=True
    ),
    token_head=RecogniserSpec(
        _fit_token_head, tokens.TokenHead.load, 2, searched=True, needs=("encoder",), predict_rows=_predict_token_head
    ),
    recogniser=RecogniserSpec(_fit_trained, _load_trained, 3, searched=True),
    tagger=RecogniserSpec(_fit_tagger, tokens.Tagger.load, 4, needs=("encoder",)),
)
