"""Training loop for networks: deterministic epochs with checkpoints, so that a resumed training ends with the same weights.

Tensors are channels-last, which is faster on every device; on a GPU training runs in bfloat16 and is compiled. On one platform the same
seed gives the same weights.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from glassbox.code_hash import code_closure
from glassbox.families.shared.torch_device import DRAWING, autocast, device, exclusive_gpu
from glassbox.files import hash_value, write_bytes
from glassbox.platform_info import compiles, platform_facts

Codes = npt.NDArray[np.int64]
Inputs = Callable[[Codes, np.random.Generator], Any]
DEFAULTS: dict[str, float] = {"epochs": 10, "batch": 32, "learning_rate": 1e-3, "weight_decay": 0.02, "smoothing": 0.1}
WARMUP = 0.1  # share of the steps


def with_seed(make: Callable[[], Any], seed: int) -> Any:
    """Call `make` with torch's generator seeded, and restore the state of the generator afterwards."""
    with DRAWING, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


def learning_rate_factor(step: int, steps: int) -> float:
    """Return the share of the peak learning rate at a step: linear warmup over the first tenth, then cosine decay to zero.

    >>> learning_rate_factor(0, 100), learning_rate_factor(10, 100)
    (0.1, 1.0)
    >>> round(learning_rate_factor(55, 100), 3), round(learning_rate_factor(99, 100), 4)
    (0.5, 0.0003)
    """
    warmup = max(1, round(WARMUP * steps))
    if step < warmup:
        return (step + 1) / warmup
    return float(0.5 * (1 + np.cos(np.pi * (step - warmup) / max(1, steps - warmup))))


@exclusive_gpu()
def train_network(
    network: nn.Module,
    inputs: Inputs,
    y: Codes,
    params: Mapping[str, Any],
    *,
    seed: int,
    checkpoint: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    loss_of: Callable[[nn.Module, Any, Codes], torch.Tensor] | None = None,
    rate_of: Callable[[str], float] | None = None,
) -> None:
    """Train a network in place with AdamW (Loshchilov and Hutter 2019) and label smoothing (Szegedy et al. 2016).

    Parameters
    ----------
    network
        On its device; parameters that require no gradient are not updated.
    inputs
        Returns the input of the network for some rows; it must use no randomness except the generator that it receives.
    y
        The class codes of the rows.
    params
        ``epochs``, ``batch``, ``learning_rate``, ``weight_decay``, ``smoothing``; missing ones are taken from `DEFAULTS`.
    checkpoint
        A file that is written after each epoch, and from which an interrupted training resumes; the caller removes it.
    loss_of
        The loss of a batch from network, inputs and rows; by default the cross-entropy.
    rate_of
        The share of the learning rate for a parameter by its name; by default 1.
    """
    settings = {**DEFAULTS, **params}
    rows, batch, epochs = len(y), int(settings["batch"]), int(settings["epochs"])
    trainable = [(name, value) for name, value in network.named_parameters() if value.requires_grad]
    optimizer = torch.optim.AdamW(_parameter_groups(trainable, settings, rate_of), lr=float(settings["learning_rate"]))
    labels = torch.from_numpy(y).to(device())
    forward = _compiled(network)
    steps = -(-rows // batch)  # an epoch

    def cross_entropy(module: nn.Module, x: torch.Tensor, chosen: Codes) -> torch.Tensor:
        target = labels[torch.from_numpy(chosen).to(labels.device)]
        return nn.functional.cross_entropy(module(x).float(), target, label_smoothing=float(settings["smoothing"]))

    batch_loss = loss_of or cross_entropy
    for epoch in range(_resume(network, optimizer, checkpoint), epochs):
        rng = np.random.default_rng([seed, epoch])
        order = rng.permutation(rows)
        for step in range(steps):
            chosen = order[step * batch : (step + 1) * batch]
            if len(chosen) < 2 and rows > 1:
                continue  # batch normalisation needs two images
            factor = learning_rate_factor(epoch * steps + step, epochs * steps)
            for group in optimizer.param_groups:
                group["lr"] = float(settings["learning_rate"]) * group["rate"] * factor
            with autocast():
                loss = batch_loss(forward, inputs(chosen, rng), chosen)
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_([value for _, value in trainable], 5.0)
            optimizer.step()
        if checkpoint is not None and epoch + 1 < epochs:
            _write_checkpoint(network, optimizer, checkpoint, epoch + 1)
        if progress:
            progress(epoch + 1, epochs)
    # The memory layout of a loaded model: another order of summation rounds differently.
    for value in (*network.parameters(), *network.buffers()):
        value.data = value.data.clone(memory_format=torch.contiguous_format)


def _parameter_groups(
    trainable: list[tuple[str, nn.Parameter]], settings: Mapping[str, Any], rate_of: Callable[[str], float] | None
) -> list[dict[str, Any]]:
    """Group parameters by their share of the learning rate; weights decay, norms and biases do not."""
    rates = sorted({rate_of(name) for name, _ in trainable}) if rate_of else [1.0]
    groups: list[dict[str, Any]] = []
    for rate in rates:
        values = [value for name, value in trainable if rate_of is None or rate_of(name) == rate]
        weights = [value for value in values if value.ndim > 1]
        norms_and_biases = [value for value in values if value.ndim <= 1]
        groups += [{"params": weights, "weight_decay": float(settings["weight_decay"]), "rate": rate}]
        groups += [{"params": norms_and_biases, "weight_decay": 0.0, "rate": rate}]
    return groups


def _compiled(network: nn.Module) -> nn.Module:
    """Convert the network to channels-last, and compile it on a GPU that supports it."""
    network.to(memory_format=torch.channels_last)
    if device().type != "cuda" or not compiles():
        return network
    torch.compiler.reset()  # code that was compiled for other shapes would be reused, and sum in another order
    compiled: nn.Module = torch.compile(network, dynamic=False, options={"deterministic": True})
    return compiled


# ------------------------------------------------------------------------------------------------------------- checkpoints


def _write_checkpoint(network: nn.Module, optimizer: torch.optim.Optimizer, path: Path, epoch: int) -> None:
    from safetensors.torch import save

    tensors = {f"weights.{name}": value for name, value in network.state_dict().items()}
    for index, state in optimizer.state_dict()["state"].items():
        tensors |= {f"optimiser.{index}.{name}": value for name, value in state.items()}
    plain = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    write_bytes(path, save(plain, metadata={"epoch": str(epoch)}))


def _resume(network: nn.Module, optimizer: torch.optim.Optimizer, path: Path | None) -> int:
    """Load the checkpoint into the network and the optimizer; return the number of completed epochs, 0 without a usable one."""
    if path is None or not path.is_file():
        return 0
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), "pt") as stored:
            epoch = int(stored.metadata()["epoch"])
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 - it is not a mapping
        weights = {name.removeprefix("weights."): value for name, value in tensors.items() if name.startswith("weights.")}
        state: dict[int, dict[str, Any]] = {}
        for name, value in tensors.items():
            if name.startswith("optimiser."):
                _, index, key = name.split(".")
                state.setdefault(int(index), {})[key] = value
        expected = {name: value.shape for name, value in network.state_dict().items()}
        if expected != {name: value.shape for name, value in weights.items()}:
            return 0
        # It raises for a state that does not fit, before any weight is changed.
        optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
        network.load_state_dict(weights)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RuntimeError):
        return 0  # truncated, or of another network: training starts from the beginning
    return epoch


def checkpoint_path(store: Path | None, parts: Mapping[str, Any], code: str) -> Path | None:
    """Return the checkpoint file of a training, keyed by `parts`, the code of the module `code` and its imports, and the platform.

    None without a `store`.
    """
    return None if store is None else store / "training" / hash_value([dict(parts), code_closure([code]), platform_facts(1)])


def remove_checkpoint(checkpoint: Path | None) -> None:
    """Remove the checkpoints of a completed training, those of ensemble members included."""
    for path in checkpoint.parent.glob(f"{checkpoint.name}*") if checkpoint is not None else ():
        path.unlink(missing_ok=True)
