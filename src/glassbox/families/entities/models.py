"""The kinds of recogniser: how each is fitted, asked, saved without pickle, and loaded. A new kind is one row in `KINDS`."""

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
from glassbox.families.registry import kind_in
from glassbox.files import files_below, read_json, write_bytes, write_json


class Model(Protocol):
    """A fitted recogniser."""

    def find(self, texts: Sequence[str]) -> list[list[Span]]:
        """The spans of each text, in order."""
        ...

    def save(self, folder: Path) -> None:
        """Write it into `folder`: the same fit gives the same bytes."""
        ...


@dataclass(frozen=True)
class Fitting:
    """What is asked of a fit besides texts: hyperparameters, seed, threads."""

    params: Mapping[str, Any]
    seed: int
    threads: int


@dataclass(frozen=True)
class Kind:
    """One kind of recogniser. `judge` finds spans in rows of train, by what all fits share; `needs` are the weights it cannot do without."""

    fit: Callable[[EntityDataset, Ints, Fitting], Model]
    load: Callable[[Path], Model]
    complexity: int
    learns: bool = True
    searched: bool = False
    needs: tuple[str, ...] = ()
    judge: Callable[[Model, EntityDataset, Ints], list[list[Span]]] | None = None


def judged(kind: str, model: Model, sentences: EntityDataset, rows: Ints) -> list[list[Span]]:
    """The spans that a model finds in some rows of train."""
    own = kind_of(kind).judge
    return own(model, sentences, rows) if own else model.find([sentences.texts[i] for i in rows])


# ---------------------------------------------------------------------------------------------------------- gazetteer


@dataclass(frozen=True)
class Gazetteer:
    """A list of names with their types: the longest that begins at a word is taken, from left to right."""

    names: dict[str, str]

    @cached_property
    def _longest(self) -> dict[str, int]:
        """For the first word of each name, how many words the longest name with it has."""
        found: dict[str, int] = {}
        for name in self.names:
            words = name.split(" ")
            found[words[0]] = max(found.get(words[0], 0), len(words))
        return found

    def find(self, texts: Sequence[str]) -> list[list[Span]]:
        return [self._one(text) for text in texts]

    def _one(self, text: str) -> list[Span]:
        words = [(match.start(), match.end()) for match in re.finditer(r"\S+", text)]
        found: list[Span] = []
        at = 0
        while at < len(words):
            start, end = words[at]
            most = self._longest.get(text[start:end], 0)
            ends = (i for i in range(min(at + most, len(words)) - 1, at - 1, -1) if text[start : words[i][1]] in self.names)
            last = next(ends, None)
            if last is not None:
                found.append(Span(start, words[last][1], self.names[text[start : words[last][1]]]))
            at = at + 1 if last is None else last + 1
        return found

    def save(self, folder: Path) -> None:
        write_json(folder / "names.json", dict(sorted(self.names.items())))


def _fit_gazetteer(sentences: EntityDataset, rows: Ints, asked: Fitting) -> Gazetteer:
    """The names that stand `at_least` so often as entities, and are entities in half of the texts they stand in or more."""
    least = int(asked.params.get("at_least", 1))
    counts: Counter[tuple[str, str]] = Counter()
    for i in rows:
        counts.update((sentences.texts[i][span.start : span.end], span.type) for span in sentences.spans[i])
    best: dict[str, tuple[int, str]] = {}
    for (name, kind), n in sorted(counts.items()):
        if n > best.get(name, (0, ""))[0]:
            best[name] = (n, kind)
    names = {name: kind for name, (n, kind) in best.items() if n >= least}
    seen = Counter(
        text[span.start : span.end] for text in (sentences.texts[i] for i in rows) for span in Gazetteer(names).find([text])[0]
    )
    return Gazetteer(
        {name: kind for name, kind in names.items() if 2 * sum(counts[name, k] for k in sentences.types) >= seen[name]}
    )


# ---------------------------------------------------------------------------------------------------- spaCy as it comes


@dataclass(frozen=True)
class Pretrained:
    """A pipeline that was trained elsewhere; `types` says which of ours each of its types is."""

    types: dict[str, str]
    folder: Path
    loaded: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def nlp(self) -> Any:
        if "nlp" not in self.loaded:
            self.loaded["nlp"] = spacy_model.load(self.folder)
        return self.loaded["nlp"]

    def find(self, texts: Sequence[str]) -> list[list[Span]]:
        return [self.named(row) for row in spacy_model.recognised(self.nlp, texts)]

    def named(self, spans: Sequence[Span]) -> list[Span]:
        return [span._replace(type=self.types[span.type]) for span in spans if span.type in self.types]

    def save(self, folder: Path) -> None:
        write_json(folder / "types.json", dict(sorted(self.types.items())))
        copy_folder(self.folder, folder / "pipeline")


PRECISE = 0.4  # of what a foreign type finds must be one of ours for it to be taken: below, it costs more than it finds


def _fit_as_it_comes(sentences: EntityDataset, rows: Ints, asked: Fitting) -> Pretrained:
    assert sentences.shared.pipeline is not None
    hits: Counter[tuple[str, str]] = Counter()
    said: Counter[str] = Counter()
    for i in rows:
        ours = {(span.start, span.end): span.type for span in sentences.spans[i]}
        for span in sentences.shared.raw[i]:
            said[span.type] += 1
            if (span.start, span.end) in ours:
                hits[span.type, ours[span.start, span.end]] += 1
    types = {}
    for foreign in sorted(said):
        ours_best = max(sentences.types, key=lambda name: (hits[foreign, name], name))
        if hits[foreign, ours_best] >= PRECISE * said[foreign]:
            types[foreign] = ours_best
    return Pretrained(types, sentences.shared.pipeline)


def _judge_as_it_comes(model: Any, sentences: EntityDataset, rows: Ints) -> list[list[Span]]:
    return [model.named(sentences.shared.raw[i]) for i in rows]


# ---------------------------------------------------------------------------------------------------------- fine-tuned


@dataclass(frozen=True)
class Trained:
    """A recogniser of spaCy, trained on these types."""

    types: list[str]
    nlp: Any
    files: dict[str, bytes] = field(repr=False)

    def find(self, texts: Sequence[str]) -> list[list[Span]]:
        return [[span for span in row if span.type in self.types] for row in spacy_model.recognised(self.nlp, texts)]

    def save(self, folder: Path) -> None:
        write_json(folder / "types.json", self.types)
        for name, content in self.files.items():
            write_bytes(folder / "recogniser" / name, content)


def _fit_trained(sentences: EntityDataset, rows: Ints, asked: Fitting) -> Trained:
    params = dict(asked.params)
    pipeline = sentences.shared.pipeline if params.pop("start", "pipeline") == "pipeline" else None
    with tempfile.TemporaryDirectory(prefix="glassbox-") as name:
        texts, spans = [sentences.texts[i] for i in rows], [sentences.spans[i] for i in rows]
        folder = spacy_model.train(texts, spans, params, Path(name), seed=asked.seed, pipeline=pipeline)
        return _trained(sentences.types, folder)


def _trained(types: list[str], folder: Path) -> Trained:
    return Trained(types, spacy_model.load(folder), {name: path.read_bytes() for name, path in files_below(folder)})


# ------------------------------------------------------------------------------------------------ token classification


def _fit_token_head(sentences: EntityDataset, rows: Ints, asked: Fitting) -> tokens.TokenHead:
    assert sentences.shared.encoder is not None
    encoder = tokens.Tokens(sentences.shared.encoder)
    spans = [sentences.spans[i] for i in rows]
    return tokens.fit_head(
        sentences.shared.tokens.take(rows.tolist()), spans, sentences.types, encoder, asked.params, seed=asked.seed
    )


def _judge_token_head(model: Any, sentences: EntityDataset, rows: Ints) -> list[list[Span]]:
    found: list[list[Span]] = model.find([], sentences.shared.tokens.take(rows.tolist()))
    return found


def _fit_tagger(sentences: EntityDataset, rows: Ints, asked: Fitting) -> tokens.Tagger:
    assert sentences.shared.encoder is not None
    texts, spans = [sentences.texts[i] for i in rows], [sentences.spans[i] for i in rows]
    return tokens.fine_tune(
        texts, spans, sentences.types, sentences.shared.encoder, asked.params, seed=asked.seed, threads=asked.threads
    )


def copy_folder(source: Path, target: Path) -> None:
    """Every file below a folder."""
    for name, path in files_below(source):
        write_bytes(target / name, path.read_bytes())


KINDS: dict[str, Kind] = {
    "gazetteer": Kind(_fit_gazetteer, lambda folder: Gazetteer(read_json(folder / "names.json")), 0, learns=True),
    "as_it_comes": Kind(
        _fit_as_it_comes,
        lambda folder: Pretrained(read_json(folder / "types.json"), folder / "pipeline"),
        1,
        needs=("pipeline",),
        judge=_judge_as_it_comes,
    ),
    "token_head": Kind(_fit_token_head, tokens.TokenHead.load, 2, searched=True, needs=("encoder",), judge=_judge_token_head),
    "recogniser": Kind(
        _fit_trained, lambda folder: _trained(read_json(folder / "types.json"), folder / "recogniser"), 3, searched=True
    ),
    "tagger": Kind(_fit_tagger, tokens.Tagger.load, 4, needs=("encoder",)),
}


def kind_of(name: str) -> Kind:
    """The kind of that name; a name that is none is an error that lists them."""
    return kind_in(KINDS, name)
