"""A transformer encoder, fine-tuned as a whole: on a GPU in bfloat16 when there is one, on the processor otherwise.

The recipe is that of Devlin et al. (2019), appendix A.3: AdamW, a learning rate that rises over the first tenth of the steps and falls to
zero, few epochs. On one platform the same seed gives the same weights.
"""

from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from glassbox.errors import GlassboxError
from glassbox.families.quiet import quiet
from glassbox.families.text.corpus import Floats, View
from glassbox.families.text.encoder import offline
from glassbox.families.text.models import Fitting, softmax
from glassbox.files import read_json, write_bytes, write_json

WEIGHTS, CONFIG, TOKENIZER, ASKED = "model.safetensors", "config.json", "tokenizer.json", "transformer.json"
JUDGED_AT_ONCE = 32


@dataclass(frozen=True)
class Transformer:
    """A fine-tuned encoder with its head."""

    network: Any
    tokenizer: Any
    most_tokens: int

    def proba(self, view: View) -> Floats:
        import torch

        texts, found = view.texts, []
        device = next(self.network.parameters()).device
        with torch.inference_mode():
            for start in range(0, len(texts), JUDGED_AT_ONCE):
                batch = _tokens(self.tokenizer, texts[start : start + JUDGED_AT_ONCE], self.most_tokens, device)
                found.append(self.network(**batch).logits.float().cpu().numpy().astype(np.float64))
        return softmax(np.concatenate(found)) if found else np.zeros((0, self.network.config.num_labels))

    def save(self, folder: Path) -> None:
        from safetensors.torch import save

        state = {name: value.detach().cpu().float().contiguous() for name, value in sorted(self.network.state_dict().items())}
        write_bytes(folder / WEIGHTS, save(state))
        config = {k: v for k, v in self.network.config.to_dict().items() if not k.startswith("_") and k != "transformers_version"}
        write_json(folder / CONFIG, config)
        write_bytes(folder / TOKENIZER, self.tokenizer.backend_tokenizer.to_str().encode())
        write_json(folder / ASKED, {"most_tokens": self.most_tokens})


def load(folder: Path) -> Transformer:
    """The transformer that was saved in `folder`."""
    offline()
    with quiet():
        from safetensors.torch import load as tensors
        from transformers import AutoConfig, AutoModelForSequenceClassification, PreTrainedTokenizerFast

    network = AutoModelForSequenceClassification.from_config(AutoConfig.from_pretrained(folder, local_files_only=True))
    network.load_state_dict(tensors((folder / WEIGHTS).read_bytes()))
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(folder / TOKENIZER), pad_token="[PAD]")  # noqa: S106 - no password
    return Transformer(network.eval(), tokenizer, read_json(folder / ASKED)["most_tokens"])


def _tokens(tokenizer: Any, texts: Sequence[str], most: int, device: Any) -> dict[str, Any]:
    found = tokenizer(list(texts), truncation=True, max_length=most, padding=True, return_tensors="pt")
    return {name: found[name].to(device) for name in ("input_ids", "attention_mask")}


def fine_tune(texts: Sequence[str], y: npt.NDArray[np.int64], asked: Fitting) -> Transformer:
    """Fine-tune the request's encoder with a new head.

    Raises
    ------
    GlassboxError
        When the request names no encoder.
    """
    if asked.weights is None:
        raise GlassboxError("no encoder is named in the request (weights.encoder)")
    offline()
    with quiet():
        import torch
        from transformers import AutoModelForSequenceClassification, AutoTokenizer
        from transformers.utils import logging

    logging.set_verbosity_error()
    params = {"epochs": 2, "learning_rate": 3e-5, "batch": 16, "most_tokens": 256, "weight_decay": 0.01, **asked.params}
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.set_num_threads(asked.threads)
    torch.use_deterministic_algorithms(True)
    with torch.random.fork_rng(devices=[0] if device.type == "cuda" else []):
        torch.manual_seed(asked.seed)
        tokenizer = AutoTokenizer.from_pretrained(asked.weights, local_files_only=True)
        network = AutoModelForSequenceClassification.from_pretrained(
            asked.weights, num_labels=asked.classes, local_files_only=True, use_safetensors=True
        ).to(device)
        _learn(network, tokenizer, texts, y, params, asked.seed, device)
    return Transformer(network.float().eval(), tokenizer, int(params["most_tokens"]))


def _learn(network: Any, tokenizer: Any, texts: Sequence[str], y: Any, params: dict[str, Any], seed: int, device: Any) -> None:
    import torch

    rng = np.random.default_rng(seed)
    labels = torch.as_tensor(y)
    size = int(params["batch"])
    steps = int(params["epochs"]) * -(-len(texts) // size)
    optimiser = torch.optim.AdamW(network.parameters(), lr=params["learning_rate"], weight_decay=params["weight_decay"])
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / max(1, steps // 10), (steps - step) / max(1, steps - steps // 10))
    )
    narrow = torch.autocast("cuda", dtype=torch.bfloat16) if device.type == "cuda" else nullcontext()
    network.train()
    for _ in range(int(params["epochs"])):
        order = rng.permutation(len(texts))
        for start in range(0, len(order), size):
            rows = order[start : start + size]
            batch = _tokens(tokenizer, [texts[row] for row in rows], int(params["most_tokens"]), device)
            with narrow:
                logits = network(**batch).logits
            loss = torch.nn.functional.cross_entropy(logits.float(), labels[rows].to(device))
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
