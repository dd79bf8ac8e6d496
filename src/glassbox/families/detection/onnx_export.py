"""Export of a detector as one ONNX graph, and the post-processing that its users have to apply."""

from glassbox.families.detection.networks import MAX_BOXES, MIN_SCORE, NMS_IOU
from glassbox.families.detection.predictor import BoxPredictor
from glassbox.families.vision.onnx_export import OnnxGraph, export_graph, graph_facts
from glassbox.families.vision.recipe import Pixels
from glassbox.findings.model import Facts, Note

BOXES, SCORES = "boxes", "scores"


def export(predictor: BoxPredictor, pixels: Pixels) -> OnnxGraph | None:
    """Export the detector before non-maximum suppression, see `networks.RawOutputs`; None for a model that is not a torch network.

    Raises
    ------
    GlassboxError
        When the graph and the detector disagree on one of the images in `pixels`.
    """
    module = predictor.model.module()
    return None if module is None else export_graph(module, predictor.recipe.side, pixels, [BOXES, SCORES], batched=False)


def export_facts(graph: OnnxGraph | None, predictor: BoxPredictor) -> Facts | Note:
    """Describe the inputs and outputs of the graph, and the post-processing of its outputs."""
    if graph is None:
        say = "There is no ONNX graph: the detector is not a torch network. Its pretrained file, if any, is part of the package."
        return Note(title="ONNX export", say=say)
    outputs = f"{BOXES}: locations × left, top, right, bottom, as shares of the side; {SCORES}: locations × {', '.join(predictor.labels)}"
    facts = graph_facts(graph, outputs)
    steps = (
        f"remove scores below {MIN_SCORE:g}; non-maximum suppression by label at IoU {NMS_IOU:g}; keep the {MAX_BOXES} highest scores; "
        f"non-maximum suppression by label at IoU {predictor.nms_iou:g}; remove scores below {predictor.threshold:g}"
    )
    return facts.model_copy(update={"facts": {**facts.facts, "post-processing": steps}})
