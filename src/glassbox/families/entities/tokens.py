"""Token classification with a pretrained encoder: a linear head on frozen token embeddings, or a fine-tuned encoder.

The frozen encoder computes its embeddings once, and only the head is trained. Words are tokenised by spaCy's rules; a word is tagged by
its first word piece, as in Devlin et al. (2019), section 5.3.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from glassbox.families.entities.spacy_model import tokens as words_of
from glassbox.families.entities.spans import Span, spans_of, tags_of
from glassbox.families.shared.arrays import read_array, write_array
from glassbox.families.shared.suppress_warnings import suppress_warnings
from glassbox.families.text.encoder import Encoder, loading, offline
from glassbox.families.text.network import NO_LABEL, load_network, pretrained, save_network, seeded, train_network
from glassbox.files import read_json, write_json

Singles = npt.NDArray[np.float32]
HEAD = "AutoModelForTokenClassification"
MOST_PIECES = 256
BATCH_SIZE = 2048


@dataclass(frozen=True)
class Encoded:
    """The words of each text, and the embedding of the first piece of each word; words beyond the encoder's limit have none."""

    words: list[list[tuple[int, int]]]
    vectors: list[Singles]

    def take(self, rows: Sequence[int]) -> "Encoded":
        """Select some of the texts."""
        return Encoded([self.words[i] for i in rows], [self.vectors[i] for i in rows])


@dataclass(frozen=True)
class Tokens:
    """An encoder in a folder, which computes token embeddings by its last layer."""

    folder: Path

    @cached_property
    def parts(self) -> tuple[Any, Any]:
        """The tokeniser and the network without a head."""
        offline()
        with suppress_warnings():
            import torch
            from transformers import AutoModel, AutoTokenizer
            from transformers.utils import logging

            from glassbox.families.shared.torch_device import DRAWING

        logging.set_verbosity_error()
        logging.disable_progress_bar()
        torch.set_num_threads(1)
        with loading(self.folder, "pretrained network"), DRAWING:
            tokenizer = AutoTokenizer.from_pretrained(self.folder, local_files_only=True)
            return tokenizer, AutoModel.from_pretrained(self.folder, local_files_only=True, use_safetensors=True).eval()

    def encode(self, texts: Sequence[str], workers: int = 1) -> Encoded:
        """Return the embeddings of the words of each text; texts are encoded one at a time, so that batches do not affect the digits."""
        import torch

        from glassbox.families.shared.torch_device import predict_pool

        tokenizer, network = self.parts
        words, lock = words_of(texts), threading.Lock()

        def encode_one(i: int) -> Singles:
            with lock:
                pieces = pieces_of(tokenizer, [texts[i][a:b] for a, b in words[i]])
            with torch.inference_mode():
                hidden = network(**{name: value for name, value in pieces.items() if name != "first"}).last_hidden_state[0]
            return np.asarray(hidden[pieces["first"]].numpy(), dtype=np.float32)

        with predict_pool(workers) as pool:
            return Encoded(words, list(pool.map(encode_one, range(len(texts)))))


def pieces_of(tokenizer: Any, words: Sequence[str]) -> dict[str, Any]:
    """Tokenise words into pieces for the network; ``first`` holds the position of the first piece of each word."""
    encoded = tokenizer(
        list(words) or [""], is_split_into_words=True, truncation=True, max_length=MOST_PIECES, return_tensors="pt"
    )
    seen: set[int] = set()
    first = []
    for position, word in enumerate(encoded.word_ids(0)):
        if word is not None and word not in seen and words:
            seen.add(word)
            first.append(position)
    return {"input_ids": encoded["input_ids"], "attention_mask": encoded["attention_mask"], "first": first}


@dataclass(frozen=True)
class TokenHead:
    """A linear layer on the token embeddings of a frozen encoder."""

    tags: list[str]
    weights: Singles
    bias: Singles
    encoder: Tokens

    def find(self, texts: Sequence[str], encoded: Encoded | None = None) -> list[list[Span]]:
        encoded = encoded or self.encoder.encode(texts)
        return [self._tag_one(words, vectors) for words, vectors in zip(encoded.words, encoded.vectors, strict=True)]

    def _tag_one(self, words: Sequence[tuple[int, int]], vectors: Singles) -> list[Span]:
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
    """Return ``O`` and the BIO tags of all types."""
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
    """Train the linear layer by Adam on frozen embeddings."""
    import torch

    settings = {"epochs": 20, "learning_rate": 2e-2, "weight_decay": 1e-5, **params}
    tags = all_tags(types)
    index_of = {tag: i for i, tag in enumerate(tags)}
    vectors = np.concatenate([v for v in encoded.vectors if len(v)])
    labels = np.array(
        [index_of[tag] for w, v, s in zip(encoded.words, encoded.vectors, spans, strict=True) for tag in tags_of(w, s)[: len(v)]],
        dtype=np.int64,
    )
    torch.set_num_threads(1)
    rng = np.random.default_rng(seed)
    x, y = torch.from_numpy(vectors), torch.from_numpy(labels)
    weights = torch.zeros((x.shape[1], len(tags)), requires_grad=True)
    bias = torch.zeros(len(tags), requires_grad=True)
    optimiser = torch.optim.Adam([weights, bias], lr=settings["learning_rate"], weight_decay=settings["weight_decay"])
    steps = int(settings["epochs"]) * -(-len(x) // BATCH_SIZE)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: max(0.0, 1 - step / steps))
    for _ in range(int(settings["epochs"])):
        order = torch.from_numpy(rng.permutation(len(x)))
        for start in range(0, len(x), BATCH_SIZE):
            rows = order[start : start + BATCH_SIZE]
            loss = torch.nn.functional.cross_entropy(x[rows] @ weights + bias, y[rows])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    return TokenHead(tags, weights.detach().numpy().copy(), bias.detach().numpy().copy(), encoder)


# ------------------------------------------------------------------------------------------------------- fine-tuned


@dataclass(frozen=True)
class Tagger:
    """A fine-tuned encoder with its token-classification head."""

    network: Any
    tokenizer: Any
    tags: list[str]

    def find(self, texts: Sequence[str], encoded: Encoded | None = None) -> list[list[Span]]:
        import torch

        from glassbox.families.shared.torch_device import predict_pool

        words, lock = words_of(texts) if encoded is None else encoded.words, threading.Lock()

        def tag_one(i: int) -> list[Span]:
            offsets = words[i]
            with lock:
                pieces = pieces_of(self.tokenizer, [texts[i][a:b] for a, b in offsets])
            with torch.inference_mode():
                inputs = {name: pieces[name] for name in ("input_ids", "attention_mask")}
                best = self.network(**inputs).logits[0].argmax(dim=-1).tolist()
            return spans_of(offsets[: len(pieces["first"])], [self.tags[best[at]] for at in pieces["first"]])

        with predict_pool() as pool:
            return list(pool.map(tag_one, range(len(texts))))

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
    """Fine-tune the encoder in `folder` with a new head; a GPU, if there is one, trains in bfloat16."""
    params = {"epochs": 3, "learning_rate": 5e-5, "batch": 16, "weight_decay": 0.01, **params}
    tags = all_tags(types)
    index_of = {tag: i for i, tag in enumerate(tags)}
    words = words_of(texts)
    with seeded(seed, threads):
        tokenizer, network = pretrained(folder, HEAD, len(tags))
        examples = [
            (pieces_of(tokenizer, [text[a:b] for a, b in w]), [index_of[tag] for tag in tags_of(w, s)])
            for text, w, s in zip(texts, words, spans, strict=True)
        ]
        train_network(network, len(examples), lambda rows: _batch([examples[i] for i in rows]), params, seed=seed)
    return Tagger(network, tokenizer, tags)


def _batch(rows: Sequence[tuple[dict[str, Any], list[int]]]) -> tuple[dict[str, Any], Any]:
    """Pad rows to one tensor; only first pieces have a label."""
    import torch

    longest = max(pieces["input_ids"].shape[1] for pieces, _ in rows)
    ids = torch.zeros((len(rows), longest), dtype=torch.long)
    mask, labels = torch.zeros_like(ids), torch.full_like(ids, NO_LABEL)
    for i, (pieces, tags) in enumerate(rows):
        length = pieces["input_ids"].shape[1]
        ids[i, :length], mask[i, :length] = pieces["input_ids"][0], 1
        labels[i, pieces["first"]] = torch.tensor(tags[: len(pieces["first"])], dtype=torch.long)
    return {"input_ids": ids, "attention_mask": mask}, labels
