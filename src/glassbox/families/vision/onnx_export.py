"""Export of a network as one ONNX graph that is verified against the network itself."""

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
from glassbox.families.vision.predictor import VisionPredictor
from glassbox.families.vision.recipe import Pixels
from glassbox.files import write_bytes
from glassbox.findings.model import Facts

FILE = "model.onnx"
TOLERANCE = 1e-4  # in probability, score or share of a side
INPUT, PROBABILITIES = "picture", "probabilities"


@dataclass(frozen=True)
class OnnxGraph:
    """An ONNX graph and its verification.

    Attributes
    ----------
    content
        The serialised graph.
    max_difference
        The largest absolute difference between the outputs of the graph and of the network.
    images
        The number of images on which both were compared.
    side
        Width and height of the input in pixels.
    batched
        The graph takes a batch of any size, rather than one image.
    """

    content: bytes
    max_difference: float
    images: int
    side: int
    batched: bool


def export(predictor: VisionPredictor, pixels: Pixels) -> OnnxGraph:
    """Export a classifier before calibration: images (n, 3, side, side), 0 to 1, to probabilities (n, classes).

    Raises
    ------
    GlassboxError
        When the graph and the model disagree on one of the images in `pixels`.
    """
    side = predictor.recipe.side
    return export_graph(predictor.model.module(predictor.backbones, side), side, pixels, [PROBABILITIES])


def export_facts(graph: OnnxGraph) -> Facts:
    """Describe the inputs and outputs of an exported classifier, and its verification."""
    return graph_facts(graph, f"{PROBABILITIES}: n × classes, before calibration")


def export_graph(
    module: torch.nn.Module, side: int, pixels: Pixels, outputs: Sequence[str], *, batched: bool = True
) -> OnnxGraph:
    """Export a network as an ONNX graph and compare both on some images.

    Parameters
    ----------
    module
        Takes images (n, 3, side, side), 0 to 1; returns one tensor for each name in `outputs`.
    pixels
        The images of the comparison, framed by the recipe, (n, side, side, 3).
    batched
        Export a graph that takes a batch of any size, rather than one image.

    Raises
    ------
    GlassboxError
        When the outputs of the graph and the network differ by more than `TOLERANCE`.
    """
    import onnxruntime

    module = module.cpu().eval()
    content = _serialise(module, side, outputs, batched)
    onnxruntime.set_default_logger_severity(3)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    max_difference = 0.0
    for image in pixels:
        x = torch.from_numpy(image[None].copy()).permute(0, 3, 1, 2).float() / 255
        with torch.inference_mode():
            result = module(x)
        expected = [result] if isinstance(result, torch.Tensor) else list(result)
        actual = session.run(list(outputs), {INPUT: x.numpy()})
        max_difference = max(max_difference, *(float(np.abs(a - b.numpy()).max()) for a, b in zip(actual, expected, strict=True)))
    if max_difference > TOLERANCE:
        raise GlassboxError(
            f"{FILE}: the outputs of the ONNX graph differ from those of the model by {max_difference:.2g}; "
            f"expected at most {TOLERANCE:g}."
        )
    return OnnxGraph(content, max_difference, len(pixels), side, batched)


def _serialise(module: torch.nn.Module, side: int, outputs: Sequence[str], batched: bool) -> bytes:
    import onnx

    with suppress_warnings(), tempfile.TemporaryDirectory(prefix="glassbox-") as folder:
        program = torch.onnx.export(
            module,
            (torch.zeros(2 if batched else 1, 3, side, side),),
            dynamo=True,
            external_data=False,
            verbose=False,
            input_names=[INPUT],
            output_names=list(outputs),
            dynamic_shapes=({0: torch.export.Dim.DYNAMIC},) if batched else None,
        )
        assert program is not None, "torch's exporter returns a program"
        program.save(str(Path(folder) / FILE))
        model = onnx.load(str(Path(folder) / FILE))
    return _without_metadata(model)


def _without_metadata(model: Any) -> bytes:
    """Serialise a graph without the metadata of this machine and its source code: the same model gives the same bytes."""
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


def write_graph(graph: OnnxGraph, folder: Path) -> None:
    """Write the graph into the folder of the model."""
    write_bytes(folder / FILE, graph.content)


def graph_facts(graph: OnnxGraph, outputs: str) -> Facts:
    """Describe the inputs and outputs of a graph, and its verification."""
    batch = "n" if graph.batched else "1"
    return Facts(
        title="ONNX export",
        say=f"On {graph.images} pictures the graph and the model agree to {TOLERANCE:g}.",
        facts={
            "file": FILE,
            "input": f"{INPUT}: {batch} × 3 × {graph.side} × {graph.side}, from 0 to 1, framed by the recipe",
            "output": outputs,
            "size": f"{len(graph.content) / 1e6:.1f} MB",
            "tolerance": TOLERANCE,
        },
    )
