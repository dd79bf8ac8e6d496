"""A model as one ONNX graph, for whoever serves without Python: what it takes, and how near it is to the model itself."""

import io
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from glassbox.errors import GlassboxError
from glassbox.families.shared.suppress_warnings import suppress_warnings
from glassbox.families.vision.recipe import Pixels
from glassbox.files import write_bytes
from glassbox.findings.model import Facts

FILE = "model.onnx"
AGREES = 1e-4  # in probability, score or share of a side, at most
INPUT = "picture"


@dataclass(frozen=True)
class Graph:
    """An ONNX graph, and how far it is from the model on some pictures."""

    content: bytes
    apart: float
    pictures: int
    side: int
    together: bool


def graph_of(module: torch.nn.Module, side: int, pixels: Pixels, outputs: Sequence[str], *, together: bool = True) -> Graph:
    """A network as a graph, held against the network itself.

    Parameters
    ----------
    module
        Takes pictures (n, 3, side, side), 0 to 1; gives a tensor for each name in `outputs`.
    pixels
        Pictures as the recipe makes them, (n, side, side, 3), on which both are asked.
    together
        Whether it takes many pictures at once, or one.

    Raises
    ------
    GlassboxError
        When the graph says something else than the network by more than `AGREES`.
    """
    import onnxruntime

    module = module.cpu().eval()
    content = _written(module, side, outputs, together)
    onnxruntime.set_default_logger_severity(3)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    apart = 0.0
    for picture in pixels:
        x = torch.from_numpy(picture[None].copy()).permute(0, 3, 1, 2).float() / 255
        with torch.inference_mode():
            said = module(x)
        own = [said] if isinstance(said, torch.Tensor) else list(said)
        found = session.run(list(outputs), {INPUT: x.numpy()})
        apart = max(apart, *(float(np.abs(a - b.numpy()).max()) for a, b in zip(found, own, strict=True)))
    if apart > AGREES:
        raise GlassboxError(f"The ONNX graph says something else than the model: {apart:.2g} apart, allowed {AGREES:g}.")
    return Graph(content, apart, len(pixels), side, together)


def _written(module: torch.nn.Module, side: int, outputs: Sequence[str], together: bool) -> bytes:
    import onnx

    with suppress_warnings(), tempfile.TemporaryDirectory(prefix="glassbox-") as folder:
        program = torch.onnx.export(
            module,
            (torch.zeros(2 if together else 1, 3, side, side),),
            dynamo=True,
            external_data=False,
            verbose=False,
            input_names=[INPUT],
            output_names=list(outputs),
            dynamic_shapes=({0: torch.export.Dim.DYNAMIC},) if together else None,
        )
        assert program is not None, "torch's exporter gives a program"
        program.save(str(Path(folder) / FILE))
        model = onnx.load(str(Path(folder) / FILE))
    return _bare(model)


def _bare(model: Any) -> bytes:
    """The graph without what tells of this machine and of the code that made it: the same model gives the same bytes."""
    model.producer_version, model.doc_string = "", ""
    del model.metadata_props[:]
    for graph in (model.graph, *model.functions):
        graph.doc_string = ""
        for part in (graph, *graph.node, *getattr(graph, "initializer", ()), *graph.value_info):
            if hasattr(part, "metadata_props"):
                del part.metadata_props[:]
            if hasattr(part, "doc_string"):
                part.doc_string = ""
    sink = io.BytesIO(model.SerializeToString(deterministic=True))
    return sink.getvalue()


def write_graph(graph: Graph, folder: Path) -> None:
    """Put the graph beside the model."""
    write_bytes(folder / FILE, graph.content)


def graph_facts(graph: Graph, gives: str) -> Facts:
    """What the graph takes and gives, and that it says what the model says."""
    many = "n" if graph.together else "1"
    takes = f"{INPUT}: {many} × 3 × {graph.side} × {graph.side}, from 0 to 1, framed as the recipe says"
    return Facts(
        title="The model as an ONNX graph",
        say=f"On {graph.pictures} pictures the graph says what the model says, to {AGREES:g}.",
        facts={
            "file": FILE,
            "takes": takes,
            "gives": gives,
            "size": f"{len(graph.content) / 1e6:.1f} MB",
            "agrees within": AGREES,
        },
    )
