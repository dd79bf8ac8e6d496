"""The model as one ONNX graph, for whoever serves without Python: what it takes, and how near it is to the model itself."""

import io
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from glassbox.errors import GlassboxError
from glassbox.families.quiet import quiet
from glassbox.families.vision.predictor import VisionPredictor
from glassbox.families.vision.recipe import Pixels
from glassbox.files import write_bytes
from glassbox.findings import Facts

FILE = "model.onnx"
AGREES = 1e-4  # in probability, at most
INPUT, OUTPUT = "picture", "probabilities"


@dataclass(frozen=True)
class Exported:
    """An ONNX graph, and how far it is from the model on some pictures."""

    content: bytes
    apart: float
    pictures: int
    side: int


def export(predictor: VisionPredictor, pixels: Pixels) -> Exported:
    """The model before calibration as a graph: pictures (n, 3, side, side), 0 to 1, to probabilities (n, classes).

    Parameters
    ----------
    pixels
        Pictures as the recipe makes them, (n, side, side, 3), on which the graph is held against the model.

    Raises
    ------
    GlassboxError
        When it says something else than the model by more than `AGREES`.
    """
    import onnxruntime

    side = predictor.recipe.side
    module = predictor.model.module(predictor.backbones, side).cpu().eval()
    content = _graph(module, side)
    onnxruntime.set_default_logger_severity(3)
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    apart = 0.0
    for picture in pixels:
        x = torch.from_numpy(picture[None].copy()).permute(0, 3, 1, 2).float() / 255
        with torch.inference_mode():
            own = module(x).numpy()
        apart = max(apart, float(np.abs(session.run([OUTPUT], {INPUT: x.numpy()})[0] - own).max()))
    if apart > AGREES:
        raise GlassboxError(
            f"The ONNX graph says something else than the model: {apart:.2g} apart in probability, allowed {AGREES:g}."
        )
    return Exported(content, apart, len(pixels), side)


def _graph(module: torch.nn.Module, side: int) -> bytes:
    import onnx

    shapes = ({0: torch.export.Dim.DYNAMIC},)
    with quiet(), tempfile.TemporaryDirectory(prefix="glassbox-") as folder:
        program = torch.onnx.export(
            module,
            (torch.zeros(2, 3, side, side),),
            dynamo=True,
            external_data=False,
            verbose=False,
            input_names=[INPUT],
            output_names=[OUTPUT],
            dynamic_shapes=shapes,
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


def write_export(exported: Exported, folder: Path) -> None:
    """Put the graph beside the model."""
    write_bytes(folder / FILE, exported.content)


def export_facts(exported: Exported) -> Facts:
    """What the graph takes and gives, and that it says what the model says."""
    return Facts(
        title="The model as an ONNX graph",
        say=f"On {exported.pictures} pictures the graph says what the model says, to {AGREES:g} in probability.",
        facts={
            "file": FILE,
            "takes": f"{INPUT}: n × 3 × {exported.side} × {exported.side}, from 0 to 1, framed as the recipe says",
            "gives": f"{OUTPUT}: n × classes, before calibration",
            "size": f"{len(exported.content) / 1e6:.1f} MB",
            "agrees within": AGREES,
        },
    )


__all__ = ["AGREES", "FILE", "Exported", "export", "export_facts", "write_export"]
