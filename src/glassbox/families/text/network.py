"""Fine-tuning, saving and loading of Hugging Face Transformers networks, without pickle.

Training follows Devlin et al. (2019), appendix A.3: AdamW, a learning rate with linear warm-up over the first tenth of the steps and
linear decay to zero, few epochs. A GPU, if there is one, trains in bfloat16. On one platform, equal seeds give equal weights.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from glassbox.families.shared.suppress_warnings import suppress_warnings
from glassbox.families.text.encoder import loading, offline
from glassbox.files import write_bytes, write_json

WEIGHTS, CONFIG, TOKENIZER = "model.safetensors", "config.json", "tokenizer.json"
NO_LABEL = -100  # positions with this label do not contribute to the loss
Batch = Callable[[Sequence[int]], tuple[Mapping[str, Any], Any]]


@contextmanager
def seeded(seed: int, threads: int) -> Iterator[None]:
    """Seed torch's random numbers inside a block and restore their state afterwards; only one training at a time runs in it."""
    import torch

    from glassbox.families.shared.torch_device import DRAWING, device

    with DRAWING, torch.random.fork_rng(devices=[0] if device().type == "cuda" else []):
        torch.set_num_threads(threads)
        torch.manual_seed(seed)
        yield


def pretrained(folder: Path, head: str, labels: int) -> tuple[Any, Any]:
    """Load the tokeniser and the pretrained network of a folder, with a new head; `head` names a class of Transformers."""
    offline()
    with suppress_warnings():
        import transformers
        from transformers.utils import logging

        logging.set_verbosity_error()
        logging.disable_progress_bar()
        with loading(folder, "pretrained network"):
            tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True)
            network = getattr(transformers, head).from_pretrained(
                folder, num_labels=labels, local_files_only=True, use_safetensors=True
            )
    return tokenizer, network


def train_network(network: Any, rows: int, batch: Batch, params: Mapping[str, Any], *, seed: int) -> Any:
    """Fine-tune a network in place and return it in evaluation mode on the CPU, where the service runs it.

    Parameters
    ----------
    rows
        The number of training rows.
    batch
        Returns the inputs and the labels of some rows; positions with the label `NO_LABEL` do not contribute to the loss.
    params
        ``epochs``, ``batch``, ``learning_rate``, ``weight_decay``.
    """
    import torch

    from glassbox.families.shared.torch_device import autocast, device

    where = device()
    network.to(where).train()
    rng, size = np.random.default_rng(seed), int(params["batch"])
    steps = int(params["epochs"]) * -(-rows // size)
    optimiser = torch.optim.AdamW(network.parameters(), lr=params["learning_rate"], weight_decay=params["weight_decay"])
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: min((step + 1) / max(1, steps // 10), (steps - step) / max(1, steps - steps // 10))
    )
    for _ in range(int(params["epochs"])):
        order = rng.permutation(rows)
        for start in range(0, rows, size):
            inputs, labels = batch(order[start : start + size].tolist())
            with autocast():
                logits = network(**{name: value.to(where) for name, value in inputs.items()}).logits
            loss = torch.nn.functional.cross_entropy(
                logits.float().flatten(0, -2), labels.flatten().to(where), ignore_index=NO_LABEL
            )
            optimiser.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
            optimiser.step()
            schedule.step()
    return network.cpu().float().eval()


def save_network(network: Any, tokenizer: Any, folder: Path) -> None:
    """Write the weights as safetensors, the configuration and the tokeniser, without paths or versions of this machine."""
    from safetensors.torch import save

    state = {name: value.detach().cpu().float().contiguous() for name, value in sorted(network.state_dict().items())}
    write_bytes(folder / WEIGHTS, save(state))
    config = {k: v for k, v in network.config.to_dict().items() if not k.startswith("_") and k != "transformers_version"}
    write_json(folder / CONFIG, config)
    write_bytes(folder / TOKENIZER, tokenizer.backend_tokenizer.to_str().encode())


def load_network(folder: Path, head: str) -> tuple[Any, Any]:
    """Load the tokeniser and the network that `save_network` wrote."""
    offline()
    with suppress_warnings():
        import transformers
        from safetensors.torch import load as tensors

        from glassbox.families.shared.torch_device import DRAWING

        config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True)
        with DRAWING:
            network = getattr(transformers, head).from_config(config)
    network.load_state_dict(tensors((folder / WEIGHTS).read_bytes()))
    pad = "[PAD]"
    return transformers.PreTrainedTokenizerFast(tokenizer_file=str(folder / TOKENIZER), pad_token=pad), network.eval()
