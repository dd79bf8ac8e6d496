"""How a network learns: by epochs, each of which can be taken up again after a kill, with the same weights in the end.

Channels stand last, which is quicker anywhere; on a GPU in bfloat16, compiled. On one platform the same seed gives the same weights.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from glassbox.code_hash import code_closure
from glassbox.families.shared.torch_device import DRAWING, alone, autocast, device
from glassbox.files import hash_value, write_bytes
from glassbox.platform_info import compiles, platform_facts

Codes = npt.NDArray[np.int64]
Inputs = Callable[[Codes, np.random.Generator], Any]
DEFAULTS: dict[str, float] = {"epochs": 10, "batch": 32, "learning_rate": 1e-3, "weight_decay": 0.02, "smoothing": 0.1}
RISE = 0.1  # of the steps, over which the learning rate rises


def seeded(make: Callable[[], Any], seed: int) -> Any:
    """What `make` makes, with torch's random numbers begun at `seed` and left as they were."""
    with DRAWING, torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return make()


def rate(step: int, steps: int) -> float:
    """The share of the learning rate at a step: it rises over the first tenth, then falls as a cosine to nothing.

    >>> rate(0, 100), rate(10, 100), round(rate(55, 100), 3), round(rate(99, 100), 4)
    (0.1, 1.0, 0.5, 0.0003)
    """
    rise = max(1, round(RISE * steps))
    if step < rise:
        return (step + 1) / rise
    return float(0.5 * (1 + np.cos(np.pi * (step - rise) / max(1, steps - rise))))


@alone()
def learn(
    learner: nn.Module,
    inputs: Inputs,
    y: Codes,
    params: Mapping[str, Any],
    *,
    seed: int,
    checkpoint: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    loss_of: Callable[[nn.Module, Any, Codes], torch.Tensor] | None = None,
    pace: Callable[[str], float] | None = None,
) -> None:
    """Teach a module in place by AdamW (Loshchilov and Hutter 2019) with label smoothing (Szegedy et al. 2016).

    Parameters
    ----------
    learner
        On its device; parameters that need no gradient stay as they are.
    inputs
        What the module is given for some rows; it draws from the generator that it is handed, and from nothing else.
    y
        Classes by number, a row each.
    params
        ``epochs``, ``batch``, ``learning_rate``, ``weight_decay``, ``smoothing``; those left out are `DEFAULTS`.
    checkpoint
        A file that is written after each epoch and taken up where it is there; whoever asked removes it.
    loss_of
        The loss of a batch, from module, inputs and rows; left out, the cross-entropy of classes.
    pace
        For the name of a parameter the share of the learning rate that it learns at; left out, all of it.
    """
    told = {**DEFAULTS, **params}
    rows, batch, epochs = len(y), int(told["batch"]), int(told["epochs"])
    taught = [(name, value) for name, value in learner.named_parameters() if value.requires_grad]
    paces = sorted({pace(name) for name, _ in taught}) if pace else [1.0]
    groups: list[dict[str, Any]] = []
    for own in paces:
        some = [value for name, value in taught if pace is None or pace(name) == own]
        decayed = [value for value in some if value.ndim > 1]
        others = [value for value in some if value.ndim <= 1]  # norms and biases are not pulled to zero
        groups += [{"params": decayed, "weight_decay": float(told["weight_decay"]), "pace": own}]
        groups += [{"params": others, "weight_decay": 0.0, "pace": own}]
    optimiser = torch.optim.AdamW(groups, lr=float(told["learning_rate"]))
    labels = torch.from_numpy(y).to(device())
    forward = _quick(learner)
    each = -(-rows // batch)

    def of_classes(module: nn.Module, x: torch.Tensor, chosen: Codes) -> torch.Tensor:
        wanted = labels[torch.from_numpy(chosen).to(labels.device)]
        return nn.functional.cross_entropy(module(x).float(), wanted, label_smoothing=float(told["smoothing"]))

    loss_in = loss_of or of_classes
    for epoch in range(_taken_up(learner, optimiser, checkpoint), epochs):
        rng = np.random.default_rng([seed, epoch])
        order = rng.permutation(rows)
        for at in range(each):
            chosen = order[at * batch : (at + 1) * batch]
            if len(chosen) < 2 and rows > 1:
                continue  # statistics of one picture are none
            for group in optimiser.param_groups:
                group["lr"] = float(told["learning_rate"]) * group["pace"] * rate(epoch * each + at, epochs * each)
            with autocast():
                loss = loss_in(forward, inputs(chosen, rng), chosen)
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            nn.utils.clip_grad_norm_([value for _, value in taught], 5.0)
            optimiser.step()
        if checkpoint is not None and epoch + 1 < epochs:
            _write(learner, optimiser, checkpoint, epoch + 1)
        if progress:
            progress(epoch + 1, epochs)
    # As it will lie once it is loaded: sums in another order are other last digits.
    for value in (*learner.parameters(), *learner.buffers()):
        value.data = value.data.clone(memory_format=torch.contiguous_format)


def _quick(learner: nn.Module) -> nn.Module:
    """The module as it computes fastest here; it is compiled on a GPU, where that can be done."""
    learner.to(memory_format=torch.channels_last)
    if device().type != "cuda" or not compiles():
        return learner
    torch.compiler.reset()  # code for sizes of before would be taken for those of now, and sum in another order
    compiled: nn.Module = torch.compile(learner, dynamic=False, options={"deterministic": True})
    return compiled


# ------------------------------------------------------------------------------------------------------------- checkpoints


def _write(learner: nn.Module, optimiser: torch.optim.Optimizer, path: Path, epoch: int) -> None:
    from safetensors.torch import save

    tensors = {f"weights.{name}": value for name, value in learner.state_dict().items()}
    for place, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser.{place}.{name}": value for name, value in state.items()}
    plain = {name: value.detach().cpu().contiguous().clone() for name, value in tensors.items()}
    write_bytes(path, save(plain, metadata={"epoch": str(epoch)}))


def _taken_up(learner: nn.Module, optimiser: torch.optim.Optimizer, path: Path | None) -> int:
    """How many epochs are behind us: as the checkpoint says, whose weights are taken up; none where there is none."""
    if path is None or not path.is_file():
        return 0
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(path), "pt") as stored:
            epoch = int(stored.metadata()["epoch"])
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 - it is no mapping
        weights = {name.removeprefix("weights."): value for name, value in tensors.items() if name.startswith("weights.")}
        state: dict[int, dict[str, Any]] = {}
        for name, value in tensors.items():
            if name.startswith("optimiser."):
                _, place, what = name.split(".")
                state.setdefault(int(place), {})[what] = value
        own = {name: value.shape for name, value in learner.state_dict().items()}
        if own != {name: value.shape for name, value in weights.items()}:
            return 0
        optimiser.load_state_dict(
            {"state": state, "param_groups": optimiser.state_dict()["param_groups"]}
        )  # refuses what does not fit
        learner.load_state_dict(weights)
    except (SafetensorError, OSError, KeyError, TypeError, ValueError, RuntimeError):
        return 0  # cut off or of another network: it is learnt from the beginning
    return epoch


def checkpoint_of(store: Path | None, parts: Mapping[str, Any], code: str) -> Path | None:
    """Where the epochs of a training are kept, by all that it comes from: `parts`, the module `code` with all that it imports, the platform.

    None where there is no `store`.
    """
    return None if store is None else store / "training" / hash_value([dict(parts), code_closure([code]), platform_facts(1)])


def forget(checkpoint: Path | None) -> None:
    """Remove what was kept of a training that is done."""
    for path in checkpoint.parent.glob(f"{checkpoint.name}*") if checkpoint is not None else ():
        path.unlink(missing_ok=True)
