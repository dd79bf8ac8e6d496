"""The sentence encoder: the only importer of Sentence Transformers. Each text is encoded by itself, and remembered by its content.

A text encoded in a batch gets other last digits with other neighbours; alone it always gets the same.
"""

import hashlib
import os
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from glassbox.errors import GlassboxError
from glassbox.families.shared.suppress_warnings import suppress_warnings
from glassbox.families.shared.vector_cache import VectorCache
from glassbox.files import files_below, write_bytes

Vectors = npt.NDArray[np.float32]
TAKEN = (".json", ".txt", ".safetensors", ".model")  # of a folder of weights: never a pickle, never code


def offline() -> None:
    """No library asks a model hub for anything, or tells anyone of its use."""
    for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_HUB_DISABLE_TELEMETRY", "HF_HUB_DISABLE_PROGRESS_BARS"):
        os.environ.setdefault(name, "1")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")


@dataclass(frozen=True)
class Encoder:
    """A sentence encoder in a folder, and how many tokens of a text it reads."""

    folder: Path
    most_tokens: int = 128

    @cached_property
    def digest(self) -> str:
        """By which its embeddings are known."""
        files = {name: path for name, path in files_below(self.folder) if name.endswith(TAKEN)}
        return hashlib.sha256(
            repr([(n, hashlib.sha256(p.read_bytes()).hexdigest()) for n, p in files.items()]).encode()
        ).hexdigest()

    @cached_property
    def model(self) -> Any:
        """The library's own object, on the processor.

        Raises
        ------
        GlassboxError
            When the folder holds no sentence encoder, or only weights that could run code.
        """
        offline()
        with suppress_warnings():
            import torch
            from sentence_transformers import SentenceTransformer
            from transformers.utils import logging

            from glassbox.families.shared.torch_device import DRAWING

        logging.set_verbosity_error()
        logging.disable_progress_bar()
        if not list(self.folder.rglob("*.safetensors")):
            raise GlassboxError(f"{self.folder.name}: no weights in safetensors here; others could run code and are not opened.")
        torch.set_num_threads(1)
        options = {"local_files_only": True, "trust_remote_code": False}
        try:
            with DRAWING:
                model = SentenceTransformer(str(self.folder), device="cpu", model_kwargs={"use_safetensors": True}, **options)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise GlassboxError(f"{self.folder.name}: is no sentence encoder: {str(error).splitlines()[0]}") from error
        model.max_seq_length = self.most_tokens
        return model.eval()

    @cached_property
    def _lock(self) -> threading.Lock:
        return threading.Lock()

    def one(self, text: str) -> Vectors:
        """One text as each layer of the network has it, (layers, numbers), of length one each: the last is the sentence embedding.

        The tokens of a layer are put together as the encoder itself puts those of its last together.
        """
        import torch

        network, *pooling = list(self.model)
        with self._lock:  # the tokeniser is not safe for threads; the network is
            features = self.model.preprocess([self.both_ends(text)])
        inputs = {name: features[name] for name in ("input_ids", "attention_mask", "token_type_ids") if name in features}
        layers = []
        with torch.inference_mode():
            for hidden in network.auto_model(**inputs, output_hidden_states=True).hidden_states[1:]:
                told = {**features, "token_embeddings": hidden}
                for module in pooling:
                    told = module(told)
                layers.append(told["sentence_embedding"][0].numpy())
        found = np.stack(layers)
        return np.asarray(found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12), dtype=np.float32)

    def both_ends(self, text: str) -> str:
        """The first and the last words of a text that is longer than can be read, half of the tokens each.

        What a text comes to often stands at its end (Sun et al. 2019, sec. 5.3.1).
        """
        most = self.most_tokens - self.model.tokenizer.num_special_tokens_to_add()
        places = self.model.tokenizer(text, add_special_tokens=False, truncation=False, return_offsets_mapping=True)[
            "offset_mapping"
        ]
        if len(places) <= most:
            return text
        first, last = places[most // 2][0], places[-(most - most // 2)][0]
        return f"{text[:first].rstrip()} {text[last:]}"

    def encode(self, texts: Sequence[str], workers: int = 1) -> Vectors:
        """Embeddings of shape (texts, layers, numbers); equal texts are encoded once."""
        distinct = list(dict.fromkeys(texts))
        if not distinct:
            return np.zeros((0, *self.one("").shape), dtype=np.float32)
        from glassbox.families.shared.torch_device import predict_pool

        _ = self.model, self._lock  # made before threads ask for them
        with predict_pool(workers) as pool:
            made = np.stack(list(pool.map(self.one, distinct)))
        place = {text: i for i, text in enumerate(distinct)}
        return made[[place[text] for text in texts]]

    def save(self, folder: Path) -> None:
        """Copy what is needed to encode, and nothing that could run code."""
        for name, path in files_below(self.folder):
            if name.endswith(TAKEN):
                write_bytes(folder / name, path.read_bytes())


@dataclass(frozen=True)
class Remembered:
    """An encoder whose embeddings are kept on disk by the content of the text.

    Parameters
    ----------
    store
        The folder that they lie in; None keeps nothing.
    progress
        Told how many texts of how many are encoded.
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
        kept = VectorCache(folder, lambda missing: self.encoder.encode(missing, self.workers), self.progress, "texts encoded")
        found = kept.of(dict(zip(names, texts, strict=True)))
        return np.stack([found[name] for name in names])
