"""The detector as one ONNX graph, and what is left to whoever reads boxes from it."""

from glassbox.families.detection.networks import MIN_SCORE, MAX_BOXES, NMS_IOU
from glassbox.families.detection.predictor import BoxPredictor
from glassbox.families.vision.onnx_graph import Graph, graph_facts, graph_of
from glassbox.families.vision.recipe import Pixels
from glassbox.findings.model import Facts, Note

BOXES, SCORES = "boxes", "scores"


def export(predictor: BoxPredictor, pixels: Pixels) -> Graph | None:
    """The detector before boxes are nms_all out as a graph, see `networks.Answers`; None for one that is no network of torch's.

    Raises
    ------
    GlassboxError
        When it says something else than the detector, on one of these pictures.
    """
    module = predictor.model.module()
    return None if module is None else graph_of(module, predictor.recipe.side, pixels, [BOXES, SCORES], together=False)


def export_facts(graph: Graph | None, predictor: BoxPredictor) -> Facts | Note:
    """What the graph takes and gives, and how boxes are read from it."""
    if graph is None:
        return Note(
            title="There is no ONNX graph:", say="nothing was learnt here; a detector as it comes is in the package as it came."
        )
    gives = f"{BOXES}: places × left, top, right, bottom, as shares of the side; {SCORES}: places × {', '.join(predictor.labels)}"
    facts = graph_facts(graph, gives)
    left = (
        f"drop scores below {MIN_SCORE:g}; of a label's boxes that overlap by more than {NMS_IOU:g} (IoU) keep the surest; of all, "
        f"the {MAX_BOXES} surest; then once more at {predictor.overlap:g}; answer those of {predictor.threshold:g} and more"
    )
    return facts.model_copy(update={"facts": {**facts.facts, "left to do": left}})
