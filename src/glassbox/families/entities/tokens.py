"""A token-classification head: the embeddings of a pretrained encoder, token by token, and a linear layer that tags them.

With the encoder as it comes, only the layer is learnt (on embeddings that are computed once); fine-tuned, the encoder learns with it.
Words are those of spaCy's rules; a word is tagged by its first piece, as Devlin et al. (2019), section 5.3, do.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from glassbox.families.classification.linear_models import read_array, write_array
from glassbox.families.entities.spacy_model import tokens as words_of
from glassbox.families.entities.spans import Span, spans_of, tags_of
from glassbox.families.shared.suppress_warnings import quiet
from glassbox.families.text.encoder import Encoder, offline
from glassbox.families.text.network import NO_LABEL, seeded, learn, load_network, pretrained, save_network
from glassbox.files import read_json, write_json

Singles = npt.NDArray[np.float32]
HEAD = "AutoModelForTokenClassification"
MOST_PIECES = 256
ROWS_AT_ONCE = 2048


@dataclass(frozen=True)
class Encoded:
    """Words of each text, and the embedding of each word's first piece; words beyond what the encoder reads have none."""

    words: list[list[tuple[int, int]]]
    vectors: list[Singles]

    def take(self, rows: Sequence[int]) -> "Encoded":
        """Some of the texts."""
        return Encoded([self.words[i] for i in rows], [self.vectors[i] for i in rows])


@dataclass(frozen=True)
class Tokens:
    """An encoder in a folder, asked for its last layer token by token."""

    folder: Path

    @cached_property
    def parts(self) -> tuple[Any, Any]:
        """The tokeniser and the network, without a head."""
        offline()
        with quiet():
            import torch
            from transformers import AutoModel, AutoTokenizer
            from transformers.utils import logging

            from glassbox.families.shared.torch_device import DRAWING

        logging.set_verbosity_error()
        logging.disable_progress_bar()
        torch.set_num_threads(1)
        tokenizer = AutoTokenizer.from_pretrained(self.folder, local_files_only=True)
        with DRAWING:
            return tokenizer, AutoModel.from_pretrained(self.folder, local_files_only=True, use_safetensors=True).eval()

    def encode(self, texts: Sequence[str], workers: int = 1) -> Encoded:
        """The embeddings of the words of each text; each text is encoded by itself, so that its neighbours change no digit."""
        import torch

        from glassbox.families.shared.torch_device import predict_pool

        tokenizer, network = self.parts
        words, lock = words_of(texts), threading.Lock()

        def one(i: int) -> Singles:
            with lock:
                pieces = pieces_of(tokenizer, [texts[i][a:b] for a, b in words[i]])
            with torch.inference_mode():
                found = network(**{name: value for name, value in pieces.items() if name != "first"}).last_hidden_state[0]
            return np.asarray(found[pieces["first"]].numpy(), dtype=np.float32)

        with predict_pool(workers) as pool:
            return Encoded(words, list(pool.map(one, range(len(texts)))))


def pieces_of(tokenizer: Any, words: Sequence[str]) -> dict[str, Any]:
    """The pieces of some words for the network, and ``first``: where the first piece of each word stands."""
    found = tokenizer(list(words) or [""], is_split_into_words=True, truncation=True, max_length=MOST_PIECES, return_tensors="pt")
    seen: set[int] = set()
    first = []
    for place, word in enumerate(found.word_ids(0)):
        if word is not None and word not in seen and words:
            seen.add(word)
            first.append(place)
    return {"input_ids": found["input_ids"], "attention_mask": found["attention_mask"], "first": first}


@dataclass(frozen=True)
class TokenHead:
    """A linear layer on the embeddings of an encoder that stays as it came."""

    tags: list[str]
    weights: Singles
    bias: Singles
    encoder: Tokens

    def find(self, texts: Sequence[str], encoded: Encoded | None = None) -> list[list[Span]]:
        found = encoded or self.encoder.encode(texts)
        return [self._one(words, vectors) for words, vectors in zip(found.words, found.vectors, strict=True)]

    def _one(self, words: Sequence[tuple[int, int]], vectors: Singles) -> list[Span]:
        if not len(vectors):
            return []
        best = (vectors.astype(np.float64) @ self.weights.astype(np.float64) + self.bias).argmax(axis=1)
        return spans_of(list(words)[: len(vectors)], [self.tags[k] for k in best])

    def save(self, folder: Path) -> None:
        write_array(folder / "weights.npy", self.weights)
        write_array(folder / "bias.npy", self.bias)
        write_json(folder / "tags.json", self.tags)
        Encoder(self.encoder.folder).save(folder / "encoder")

    @classmethod
    def load(cls, folder: Path) -> "TokenHead":
        weights, bias = (read_array(folder / f"{name}.npy") for name in ("weights", "bias"))
        return cls(read_json(folder / "tags.json"), weights, bias, Tokens(folder / "encoder"))


def all_tags(types: Sequence[str]) -> list[str]:
    """``O`` and the tags of all types."""
    return ["O", *(f"{first}-{name}" for name in types for first in ("B", "I"))]


def fit_head(
    encoded: Encoded,
    spans: Sequence[Sequence[Span]],
    types: Sequence[str],
    encoder: Tokens,
    params: Mapping[str, Any],
    *,
    seed: int,
) -> TokenHead:
    """Learn the layer by Adam on embeddings that stay as they are."""
    import torch

    asked = {"epochs": 20, "learning_rate": 2e-2, "weight_decay": 1e-5, **params}
    tags = all_tags(types)
    place = {tag: i for i, tag in enumerate(tags)}
    vectors = np.concatenate([v for v in encoded.vectors if len(v)])
    labels = np.array(
        [place[tag] for w, v, s in zip(encoded.words, encoded.vectors, spans, strict=True) for tag in tags_of(w, s)[: len(v)]],
        dtype=np.int64,
    )
    torch.set_num_threads(1)
    rng = np.random.default_rng(seed)
    x, y = torch.from_numpy(vectors), torch.from_numpy(labels)
    weights = torch.zeros((x.shape[1], len(tags)), requires_grad=True)
    bias = torch.zeros(len(tags), requires_grad=True)
    optimiser = torch.optim.Adam([weights, bias], lr=asked["learning_rate"], weight_decay=asked["weight_decay"])
    steps = int(asked["epochs"]) * -(-len(x) // ROWS_AT_ONCE)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: max(0.0, 1 - step / steps))
    for _ in range(int(asked["epochs"])):
        order = torch.from_numpy(rng.permutation(len(x)))
        for start in range(0, len(x), ROWS_AT_ONCE):
            rows = order[start : start + ROWS_AT_ONCE]
            loss = torch.nn.functional.cross_entropy(x[rows] @ weights + bias, y[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return TokenHead(tags, weights.detach().numpy().copy(), bias.detach().numpy().copy(), encoder)


# ------------------------------------------------------------------------------------------------------- fine-tuned


@dataclass(frozen=True)
class Tagger:
    """An encoder fine-tuned with its head."""

    network: Any
    tokenizer: Any
    tags: list[str]

    def find(self, texts: Sequence[str], encoded: Encoded | None = None) -> list[list[Span]]:
        import torch

        from glassbox.families.shared.torch_device import predict_pool

        words, lock = words_of(texts) if encoded is None else encoded.words, threading.Lock()

        def one(i: int) -> list[Span]:
            places = words[i]
            with lock:
                pieces = pieces_of(self.tokenizer, [texts[i][a:b] for a, b in places])
            with torch.inference_mode():
                inputs = {name: pieces[name] for name in ("input_ids", "attention_mask")}
                best = self.network(**inputs).logits[0].argmax(dim=-1).tolist()
            return spans_of(places[: len(pieces["first"])], [self.tags[best[at]] for at in pieces["first"]])

        with predict_pool() as pool:
            return list(pool.map(one, range(len(texts))))

    def save(self, folder: Path) -> None:
        save_network(self.network, self.tokenizer, folder)
        write_json(folder / "tags.json", self.tags)

    @classmethod
    def load(cls, folder: Path) -> "Tagger":
        tokenizer, network = load_network(folder, HEAD)
        return cls(network, tokenizer, read_json(folder / "tags.json"))


def fine_tune(
    texts: Sequence[str],
    spans: Sequence[Sequence[Span]],
    types: Sequence[str],
    folder: Path,
    params: Mapping[str, Any],
    *,
    seed: int,
    threads: int = 1,
) -> Tagger:
    """Fine-tune the encoder in `folder` with a new head; in bfloat16 when there is a GPU."""
    params = {"epochs": 3, "learning_rate": 5e-5, "batch": 16, "weight_decay": 0.01, **params}
    tags = all_tags(types)
    place = {tag: i for i, tag in enumerate(tags)}
    words = words_of(texts)
    with seeded(seed, threads):
        tokenizer, network = pretrained(folder, HEAD, len(tags))
        made = [
            (pieces_of(tokenizer, [text[a:b] for a, b in w]), [place[tag] for tag in tags_of(w, s)])
            for text, w, s in zip(texts, words, spans, strict=True)
        ]
        learn(network, len(made), lambda rows: _batch([made[i] for i in rows]), params, seed=seed)
    return Tagger(network, tokenizer, tags)


def _batch(rows: Sequence[tuple[dict[str, Any], list[int]]]) -> tuple[dict[str, Any], Any]:
    """Rows of unequal length as one block; what is no first piece has no label."""
    import torch

    longest = max(pieces["input_ids"].shape[1] for pieces, _ in rows)
    ids = torch.zeros((len(rows), longest), dtype=torch.long)
    mask, labels = torch.zeros_like(ids), torch.full_like(ids, NO_LABEL)
    for i, (pieces, tags) in enumerate(rows):
        length = pieces["input_ids"].shape[1]
        ids[i, :length], mask[i, :length] = pieces["input_ids"][0], 1
        labels[i, pieces["first"]] = torch.tensor(tags[: len(pieces["first"])], dtype=torch.long)
    return {"input_ids": ids, "attention_mask": mask}, labels
