"""A transformer encoder, fine-tuned end to end for text classification."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from glassbox.errors import GlassboxError
from glassbox.families.text.corpus import Floats, View
from glassbox.families.text.network import load_network, pretrained, save_network, seeded, train_network
from glassbox.families.text.protocols import Fitting
from glassbox.files import read_json, write_json

HEAD, SETTINGS = "AutoModelForSequenceClassification", "transformer.json"


@dataclass(frozen=True)
class Transformer:
    """A fine-tuned encoder with its classification head."""

    network: Any
    tokenizer: Any
    most_tokens: int

    def proba(self, view: View) -> Floats:
        import torch

        from glassbox.families.shared.torch_device import predict_pool

        def predict_one(text: str) -> Floats:  # one text at a time: padding in a batch would change the last digits
            with lock:
                tokens = _tokens(self.tokenizer, [text], self.most_tokens)
            with torch.inference_mode():
                logits = self.network(**tokens).logits[0]
            return np.asarray(logits.numpy(), dtype=np.float64)

        lock = threading.Lock()  # the tokeniser is not thread-safe
        with predict_pool() as pool:
            logits = list(pool.map(predict_one, view.texts))
        return np.asarray(softmax(np.stack(logits), axis=1)) if logits else np.zeros((0, self.network.config.num_labels))

    def save(self, folder: Path) -> None:
        save_network(self.network, self.tokenizer, folder)
        write_json(folder / SETTINGS, {"most_tokens": self.most_tokens})


def load(folder: Path) -> Transformer:
    """Load the transformer that was saved in `folder`."""
    tokenizer, network = load_network(folder, HEAD)
    return Transformer(network, tokenizer, read_json(folder / SETTINGS)["most_tokens"])


def _tokens(tokenizer: Any, texts: Sequence[str], limit: int) -> dict[str, Any]:
    encoded = tokenizer(list(texts), truncation=True, max_length=limit, padding=True, return_tensors="pt")
    return {name: encoded[name] for name in ("input_ids", "attention_mask")}


def fine_tune(texts: Sequence[str], y: npt.NDArray[np.int64], fitting: Fitting) -> Transformer:
    """Fine-tune the encoder of the request with a new classification head.

    Raises
    ------
    GlassboxError
        When the request names no encoder.
    """
    if fitting.weights is None:
        raise GlassboxError("no encoder to fine-tune; set weights.encoder in the request")
    import torch

    params = {"epochs": 2, "learning_rate": 3e-5, "batch": 16, "most_tokens": 256, "weight_decay": 0.01, **fitting.params}
    limit, labels = int(params["most_tokens"]), torch.as_tensor(y)
    with seeded(fitting.seed, fitting.threads):
        tokenizer, network = pretrained(fitting.weights, HEAD, fitting.classes)

        def batch(rows: Sequence[int]) -> tuple[dict[str, Any], Any]:
            return _tokens(tokenizer, [texts[row] for row in rows], limit), labels[list(rows)]

        train_network(network, len(texts), batch, params, seed=fitting.seed)
    return Transformer(network, tokenizer, limit)
