"""The classifier as one ONNX graph."""

from glassbox.families.vision.onnx_graph import Graph, graph_facts, graph_of
from glassbox.families.vision.predictor import VisionPredictor
from glassbox.families.vision.recipe import Pixels
from glassbox.findings.model import Facts

PROBABILITIES = "probabilities"


def export(predictor: VisionPredictor, pixels: Pixels) -> Graph:
    """The model before calibration as a graph: pictures (n, 3, side, side), 0 to 1, to probabilities (n, classes).

    Raises
    ------
    GlassboxError
        When it says something else than the model, on one of these pictures.
    """
    side = predictor.recipe.side
    return graph_of(predictor.model.module(predictor.backbones, side), side, pixels, [PROBABILITIES])


def export_facts(graph: Graph) -> Facts:
    """What the graph takes and gives, and that it says what the model says."""
    return graph_facts(graph, f"{PROBABILITIES}: n × classes, before calibration")
