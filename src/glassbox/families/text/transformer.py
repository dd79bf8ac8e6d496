"""A transformer encoder, fine-tuned as a whole to tell classes apart."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from glassbox.errors import GlassboxError
from glassbox.families.classification.linear_models import softmax
from glassbox.families.text.corpus import Floats, View
from glassbox.families.text.network import drawn_from, learn, load_network, pretrained, save_network
from glassbox.families.text.protocols import Fitting
from glassbox.files import read_json, write_json

HEAD, ASKED = "AutoModelForSequenceClassification", "transformer.json"


@dataclass(frozen=True)
class Transformer:
    """A fine-tuned encoder with its head."""

    network: Any
    tokenizer: Any
    most_tokens: int

    def proba(self, view: View) -> Floats:
        import torch

        from glassbox.families.shared.torch_device import predict_pool

        def one(text: str) -> Floats:  # by itself: beside longer ones it would get other last digits
            with lock:
                tokens = _tokens(self.tokenizer, [text], self.most_tokens)
            with torch.inference_mode():
                logits = self.network(**tokens).logits[0]
            return np.asarray(logits.numpy(), dtype=np.float64)

        lock = threading.Lock()  # the tokeniser is not safe for threads
        with predict_pool() as pool:
            found = list(pool.map(one, view.texts))
        return softmax(np.stack(found)) if found else np.zeros((0, self.network.config.num_labels))

    def save(self, folder: Path) -> None:
        save_network(self.network, self.tokenizer, folder)
        write_json(folder / ASKED, {"most_tokens": self.most_tokens})


def load(folder: Path) -> Transformer:
    """The transformer that was saved in `folder`."""
    tokenizer, network = load_network(folder, HEAD)
    return Transformer(network, tokenizer, read_json(folder / ASKED)["most_tokens"])


def _tokens(tokenizer: Any, texts: Sequence[str], most: int) -> dict[str, Any]:
    found = tokenizer(list(texts), truncation=True, max_length=most, padding=True, return_tensors="pt")
    return {name: found[name] for name in ("input_ids", "attention_mask")}


def fine_tune(texts: Sequence[str], y: npt.NDArray[np.int64], asked: Fitting) -> Transformer:
    """Fine-tune the request's encoder with a new head.

    Raises
    ------
    GlassboxError
        When the request names no encoder.
    """
    if asked.weights is None:
        raise GlassboxError("no encoder is named in the request (weights.encoder)")
    import torch

    params = {"epochs": 2, "learning_rate": 3e-5, "batch": 16, "most_tokens": 256, "weight_decay": 0.01, **asked.params}
    most, labels = int(params["most_tokens"]), torch.as_tensor(y)
    with drawn_from(asked.seed, asked.threads):
        tokenizer, network = pretrained(asked.weights, HEAD, asked.classes)

        def batch(rows: Sequence[int]) -> tuple[dict[str, Any], Any]:
            return _tokens(tokenizer, [texts[row] for row in rows], most), labels[list(rows)]

        learn(network, len(texts), batch, params, seed=asked.seed)
    return Transformer(network, tokenizer, most)
