"""Sentence embeddings with Sentence Transformers, cached by text content. No other module imports this library.

Texts are encoded one at a time: in a batch, the last digits of an embedding depend on the other texts of the batch.
"""

import contextlib
import hashlib
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from glassbox.errors import GlassboxError
from glassbox.families.shared.suppress_warnings import suppress_warnings
from glassbox.families.shared.vector_cache import VectorCache
from glassbox.files import files_below, first_line, read_json, write_bytes

Vectors = npt.NDArray[np.float32]
SAFE_SUFFIXES = (".json", ".txt", ".safetensors", ".model")  # files read from a folder of weights: never a pickle, never code
MODULES = "modules.json"  # the parts of a sentence encoder
PICKLES = (".bin", ".pt", ".pth", ".ckpt", ".pkl", ".pickle")  # formats of weights that can run code


def offline() -> None:
    """Set the environment variables that stop libraries from contacting a model hub or sending telemetry."""
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_PROGRESS_BARS"):
        os.environ.setdefault(name, "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


@contextlib.contextmanager
def loading(folder: Path, kind: str) -> Iterator[None]:
    """Convert the errors of loading a model from a folder.

    Raises
    ------
    GlassboxError
        When the folder does not hold a model of this kind, or a part of it, such as a dense layer after the network, has weights
        only in a format that can run code.
    """
    try:
        parts = (
            [folder, *(folder / part["path"] for part in read_json(folder / MODULES))]
            if (folder / MODULES).is_file()
            else [folder]
        )
        pickles = [
            path for part in parts if not list(part.glob("*.safetensors")) for path in part.glob("*") if path.suffix in PICKLES
        ]
        if pickles or not list(folder.rglob("*.safetensors")):
            found = f"{pickles[0].relative_to(folder)} is not a safetensors file" if pickles else "there is no *.safetensors file"
            raise GlassboxError(
                f"{folder.name}: {found}. Other formats of weights can run code and are not loaded; "
                "convert the weights to safetensors."
            )
        yield
    except GlassboxError:
        raise
    except Exception as error:  # of any type: the libraries raise what they like about a damaged file
        raise GlassboxError(f"{folder.name} is not a {kind}: {first_line(error)}") from error


@dataclass(frozen=True)
class Encoder:
    """A sentence encoder in a folder, with the maximum number of tokens that it reads per text."""

    folder: Path
    most_tokens: int = 128

    @cached_property
    def digest(self) -> str:
        """The hash of the encoder's files: the cache key of its embeddings."""
        files = {name: path for name, path in files_below(self.folder) if name.endswith(SAFE_SUFFIXES)}
        return hashlib.sha256(
            repr([(n, hashlib.sha256(p.read_bytes()).hexdigest()) for n, p in files.items()]).encode()
        ).hexdigest()

    @cached_property
    def model(self) -> Any:
        """The `SentenceTransformer`, on the CPU.

        Raises
        ------
        GlassboxError
            When the folder holds no sentence encoder, or only weights in a format that can run code.
        """
        offline()
        with suppress_warnings():
            import torch
            from sentence_transformers import SentenceTransformer
            from transformers.utils import logging

            from glassbox.families.shared.torch_device import DRAWING

        logging.set_verbosity_error()
        logging.disable_progress_bar()
        torch.set_num_threads(1)
        options = {"local_files_only": True, "trust_remote_code": False}
        with loading(self.folder, "sentence encoder"), DRAWING:
            model = SentenceTransformer(str(self.folder), device="cpu", model_kwargs={"use_safetensors": True}, **options)
        model.max_seq_length = self.most_tokens
        return model.eval()

    @cached_property
    def _lock(self) -> threading.Lock:
        return threading.Lock()

    def encode_one(self, text: str) -> Vectors:
        """Return the embeddings of a text by each layer, of shape (layers, dimensions) and unit length; the last is the sentence embedding.

        The tokens of every layer are pooled as the encoder pools those of its last layer.
        """
        import torch

        network, *pooling = list(self.model)
        with self._lock:  # the tokeniser is not thread-safe; the network is
            features = self.model.preprocess([self.truncate_middle(text)])
        inputs = {name: features[name] for name in ("input_ids", "attention_mask", "token_type_ids") if name in features}
        layers = []
        with torch.inference_mode():
            for hidden in network.auto_model(**inputs, output_hidden_states=True).hidden_states[1:]:
                pooled = {**features, "token_embeddings": hidden}
                for module in pooling:
                    pooled = module(pooled)
                layers.append(pooled["sentence_embedding"][0].numpy())
        stacked = np.stack(layers)
        return np.asarray(stacked / np.maximum(np.linalg.norm(stacked, axis=1, keepdims=True), 1e-12), dtype=np.float32)

    def truncate_middle(self, text: str) -> str:
        """Return a text without its middle when it is too long for the encoder: half of the tokens from each end.

        The end of a text often holds its conclusion (Sun et al. 2019, sec. 5.3.1).
        """
        limit = self.most_tokens - self.model.tokenizer.num_special_tokens_to_add()
        offsets = self.model.tokenizer(text, add_special_tokens=False, truncation=False, return_offsets_mapping=True)[
            "offset_mapping"
        ]
        if len(offsets) <= limit:
            return text
        first, last = offsets[limit // 2][0], offsets[-(limit - limit // 2)][0]
        return f"{text[:first].rstrip()} {text[last:]}"

    def encode(self, texts: Sequence[str], workers: int = 1) -> Vectors:
        """Return embeddings of shape (texts, layers, dimensions); equal texts are encoded once."""
        distinct = list(dict.fromkeys(texts))
        if not distinct:
            return np.zeros((0, *self.encode_one("").shape), dtype=np.float32)
        from glassbox.families.shared.torch_device import predict_pool

        _ = self.model, self._lock  # cached before threads use them
        with predict_pool(workers) as pool:
            vectors = np.stack(list(pool.map(self.encode_one, distinct)))
        row = {text: i for i, text in enumerate(distinct)}
        return vectors[[row[text] for text in texts]]

    def save(self, folder: Path) -> None:
        """Copy the files that encoding needs, and none that can run code."""
        for name, path in files_below(self.folder):
            if name.endswith(SAFE_SUFFIXES):
                write_bytes(folder / name, path.read_bytes())


@dataclass(frozen=True)
class CachedEncoder:
    """An encoder with an on-disk cache of its embeddings, keyed by the content of the text.

    Parameters
    ----------
    store
        The folder of the cache; None disables caching.
    progress
        Called with the number of encoded texts, their total and a label.
    """

    encoder: Encoder
    store: Path | None
    workers: int = 1
    progress: Callable[[int, int, str], None] | None = None

    def __call__(self, texts: Sequence[str]) -> Vectors:
        if self.store is None or not texts:
            return self.encoder.encode(texts, self.workers)
        names = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest() for text in texts]
        folder = self.store / f"{self.encoder.digest[:24]}-layers-{self.encoder.most_tokens}"
        cache = VectorCache(folder, lambda missing: self.encoder.encode(missing, self.workers), self.progress, "texts encoded")
        vectors = cache.of(dict(zip(names, texts, strict=True)))
        return np.stack([vectors[name] for name in names])
