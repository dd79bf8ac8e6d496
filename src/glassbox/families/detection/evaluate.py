"""Evaluation of a detector: holdout metrics, metrics by label, and error analysis."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from glassbox.families.detection.box_drawing import OUTCOME_LEGEND, describe_outcomes, image_with_outcomes
from glassbox.families.detection.boxes import Box, read_boxes, write_boxes
from glassbox.families.detection.dataset import DetectionDataset, boxes_in
from glassbox.families.detection.error_analysis import (
    BACKGROUND,
    BOTH,
    CLASSIFICATION,
    CORRECT,
    DUPLICATE,
    KINDS,
    LOCALISATION,
    MISSED,
    ErrorAnalysis,
    analyse_errors,
)
from glassbox.families.detection.explore import size_of_box
from glassbox.families.detection.metrics import Matches, by_label, estimates, score
from glassbox.families.detection.predictor import BoxPredictor
from glassbox.findings.evidence import GeneralizationEvidence, SliceEvidence
from glassbox.findings.model import Estimates, Facts, Note, Pictures, Table
from glassbox.findings.wording import clean, metric_label, number

MOST_ERRORS, MOST_CORRECT = 9, 6  # examples
MIN_OBJECTS = 20  # of a slice
TRAIN_SAMPLE = 100  # training images on which the fitted detector is evaluated
DEFINITIONS = {
    CORRECT: "the right label, and an IoU of at least 0.5",
    DUPLICATE: "a second box on an object that is already matched",
    LOCALISATION: "the right label, but an IoU between 0.1 and 0.5",
    CLASSIFICATION: "another label, with an IoU of at least 0.5",
    BOTH: "another label, with an IoU between 0.1 and 0.5",
    BACKGROUND: "a box that overlaps no object",
    MISSED: "an object without a correct box",
}


def predictions(predictor: BoxPredictor, holdout: pd.DataFrame) -> pd.DataFrame:
    """Predict the holdout: ``row_id``, ``y_true``, ``y_pred`` and ``threshold``, sorted by ``row_id``.

    ``y_pred`` are all boxes after non-maximum suppression as JSON, ``[[x, y, width, height, label, score], ...]``. ``f1``, ``precision``
    and ``recall`` use those with a score of at least ``threshold``, which are the boxes that the service returns; the other metrics use
    all of them.
    """
    rows = holdout.sort_values("row_id", kind="stable").reset_index(drop=True)
    truth = boxes_in(rows, str(predictor.schema.target))
    return pd.DataFrame(
        {
            "row_id": rows["row_id"],
            "y_true": [write_boxes(boxes) for boxes in truth],
            "y_pred": [write_boxes(boxes) for boxes in predictor.detect(rows)],
            "threshold": predictor.threshold,
        }
    )


def true_and_predicted(predicted: pd.DataFrame) -> tuple[list[list[Box]], list[list[Box]]]:
    """Read the true and the predicted boxes of each row of `predictions`."""
    truth, boxes = ([read_boxes(cell) for cell in predicted[name]] for name in ("y_true", "y_pred"))
    return truth, boxes


def matches_of(predicted: pd.DataFrame, labels: Sequence[str]) -> Matches:
    """Match the boxes of the holdout; labels that do not occur in the training set are included."""
    truth, boxes = true_and_predicted(predicted)
    return Matches.of(truth, boxes, sorted({*labels, *(box.label for row in truth for box in row)}))


def holdout_metrics(matches: Matches, threshold: float, *, leading: str, resamples: int, seed: int) -> Estimates:
    """Compute every metric on the holdout with its 95 % bootstrap interval over images; `leading` is listed first."""
    values = estimates(matches, threshold, resamples=resamples, seed=seed)
    lead = values[leading]
    say = (
        f"{metric_title(leading)} {number(lead.value)} ({number(lead.low)} to {number(lead.high)}), over {int(matches.true.sum()):,} "
        f"objects in {lead.n or 0:,} pictures that were not used for training."
    )
    return Estimates(title="Holdout metrics", say=say, values={leading: lead, **values})


def metric_title(metric: str) -> str:
    """Return the display name of a metric with a capital letter."""
    name = metric_label(metric)
    return name[0].upper() + name[1:]


def generalization_gap(
    predictor: BoxPredictor, dataset: DetectionDataset, oof: Sequence[Sequence[Box]], matches: Matches, metric: str
) -> Facts:
    """Compare the leading metric on training images, out of fold and on the holdout."""
    rows = np.arange(len(dataset))[:: max(1, len(dataset) // TRAIN_SAMPLE)]
    fitted = predictor.apply_nms(predictor.model.find(dataset.view(rows)))
    threshold = predictor.threshold
    values = {
        "train": score(Matches.of([dataset.boxes[i] for i in rows], fitted, dataset.labels), threshold)[metric],
        "out of fold": score(Matches.of(dataset.boxes, predictor.apply_nms(oof), dataset.labels), threshold)[metric],
        "holdout": score(matches, threshold)[metric],
    }
    say = (
        f"{metric_title(metric)} is {number(values['train'])} on training pictures, {number(values['out of fold'])} out of fold "
        f"and {number(values['holdout'])} on the holdout."
    )
    facts: dict[str, str | float | int | bool | None] = {"metric": metric_title(metric), **values}
    facts["train over out of fold"] = values["train"] - values["out of fold"]
    facts["out of fold over holdout"] = values["out of fold"] - values["holdout"]
    evidence = GeneralizationEvidence(
        metric=metric,
        higher_is_better=True,
        train=values["train"],
        out_of_fold=values["out of fold"],
        holdout=values["holdout"],
    )
    return Facts(title="Generalisation gap", say=say, facts=facts, evidence=evidence)


def headline(matches: Matches, predicted: pd.DataFrame) -> Note:
    """Summarise the detector for a stakeholder."""
    values = score(matches, _threshold(predicted))
    say = (
        f"Of 100 objects in new pictures the detector finds {100 * values['recall']:.0f}. Of 100 boxes that it predicts, "
        f"{100 * values['precision']:.0f} are correct: the label is right, and the box overlaps the object by an IoU of at least 0.5."
    )
    analysis = _error_analysis(predicted)
    perfect = [
        MISSED not in true and all(outcome is None or outcome.kind == CORRECT for outcome in outcomes)
        for outcomes, true in zip(analysis.predicted, analysis.true, strict=True)
    ]
    lines = [f"In {100 * float(np.mean(perfect)):.0f} of 100 pictures there is no error."] if perfect else []
    return Note(title="Summary", say=say, lines=lines, tone="good")


def _threshold(predicted: pd.DataFrame) -> float:
    return float(predicted["threshold"].iloc[0]) if len(predicted) else 0.5


def _error_analysis(predicted: pd.DataFrame) -> ErrorAnalysis:
    return analyse_errors(*true_and_predicted(predicted), _threshold(predicted))


def label_table(matches: Matches, predicted: pd.DataFrame) -> Table:
    """Tabulate average precision, precision and recall of each label, the weakest first."""
    average_precisions, threshold = by_label(matches), _threshold(predicted)
    rows = []
    for k, name in enumerate(matches.labels):
        ranked, true = matches.ranked[k], float(matches.true[:, k].sum())
        above = ranked.score >= threshold
        correct, count = float(ranked.right[0][above].sum()), float(above.sum())
        rows.append(
            {
                "label": name,
                "objects": int(true),
                **{metric: _finite(average_precisions[name][metric]) for metric in ("map", "map_50", "map_75")},
                "precision": correct / count if count else 0.0,
                "recall": correct / true if true else None,
            }
        )
    defined = [row for row in rows if row["map"] is not None]
    defined.sort(key=lambda row: (float(str(row["map"])), str(row["label"])))
    say = (
        f"{clean(defined[0]['label'])} is the weakest label ({number(float(str(defined[0]['map'])))}), "
        f"{clean(defined[-1]['label'])} the strongest ({number(float(str(defined[-1]['map'])))})."
        if defined
        else "The holdout has no objects."
    )
    formats = {"objects": ",d", **dict.fromkeys(("map", "map_50", "map_75", "precision", "recall"), ".3f")}
    order = [*defined, *(row for row in rows if row["map"] is None)]
    return Table.of(pd.DataFrame(order), "Metrics by label", say=say, formats=formats)


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def error_table(predicted: pd.DataFrame) -> Table:
    """Tabulate the outcomes of the predicted boxes and the missed objects, at IoU 0.5 and the chosen score threshold."""
    counts = _error_analysis(predicted).counts
    total = max(1, sum(counts.values()))
    rows = [
        {"kind": kind, "boxes": counts[kind], "share": counts[kind] / total, "definition": DEFINITIONS[kind]} for kind in KINDS
    ]
    worst = max((kind for kind in KINDS if kind not in (CORRECT, MISSED)), key=lambda kind: (counts[kind], kind))
    say = (
        f"The most frequent error of predicted boxes is: {worst} ({counts[worst]:,}); {counts[MISSED]:,} objects are missed."
        if counts[worst]
        else f"All predicted boxes are correct; {counts[MISSED]:,} objects are missed."
    )
    confusions = _confusions(predicted)
    if confusions:
        (true_label, label), n = min(confusions.items(), key=lambda item: (-item[1], item[0]))
        say += f" The most frequent confusion is {clean(true_label)} predicted as {clean(label)} ({n:,})."
    return Table.of(pd.DataFrame(rows), "Error analysis", say=say, formats={"share": ".1%", "boxes": ",d"})


def _confusions(predicted: pd.DataFrame) -> dict[tuple[str, str], int]:
    """Count the classification errors of each pair of true and predicted label."""
    truth, boxes = true_and_predicted(predicted)
    counts: dict[tuple[str, str], int] = {}
    for true, row, outcomes in zip(truth, boxes, _error_analysis(predicted).predicted, strict=True):
        for box, outcome in zip(row, outcomes, strict=True):
            if outcome is not None and outcome.kind == CLASSIFICATION and outcome.object is not None:
                pair = true[outcome.object].label, box.label
                counts[pair] = counts.get(pair, 0) + 1
    return counts


def examples(predicted: pd.DataFrame, holdout: pd.DataFrame, column: str, *, wrong: bool) -> Pictures:
    """Show images with their predicted boxes: those with the most errors, or those without errors and with the most objects."""
    truth, boxes = true_and_predicted(predicted)
    analysis = _error_analysis(predicted)
    cells = holdout.set_index("row_id").loc[predicted["row_id"], column].tolist()
    errors = [
        sum(outcome is not None and outcome.kind != CORRECT for outcome in outcomes) + sum(kind == MISSED for kind in true)
        for outcomes, true in zip(analysis.predicted, analysis.true, strict=True)
    ]
    rows = [i for i, n in enumerate(errors) if isinstance(cells[i], str) and (n > 0 if wrong else n == 0 and truth[i])]
    rows.sort(key=lambda i: (-(errors[i] if wrong else len(truth[i])), str(predicted["row_id"].iloc[i])))
    pictures = []
    for i in rows[: MOST_ERRORS if wrong else MOST_CORRECT]:
        outcomes = (truth[i], boxes[i], analysis.predicted[i], analysis.true[i])
        pictures.append(image_with_outcomes(str(cells[i]), *outcomes, describe_outcomes(*outcomes)))
    title = "Pictures with the most errors" if wrong else "Correct examples"
    say = (
        f"{sum(n > 0 for n in errors):,} of {len(errors):,} pictures have an error; these have the most."
        if wrong
        else "Holdout pictures without errors: those with the most objects."
    )
    return Pictures(title=title, say=say if pictures else "There is no such picture.", pictures=pictures, note=OUTCOME_LEGEND)


def slices(predicted: pd.DataFrame, matches: Matches, metric: str) -> Table:
    """Compute the metric on slices of the holdout by the number and the size of objects, the weakest first."""
    truth, boxes = true_and_predicted(predicted)
    threshold = _threshold(predicted)
    overall = score(matches, threshold)[metric]
    counts = np.array([len(row) for row in truth])
    median = max(2, int(np.median(counts))) if len(counts) else 2
    masks = [
        ("no object or one", counts <= 1),
        (f"2 to {median} objects", (counts > 1) & (counts <= median)),
        (f"more than {median} objects", counts > median),
        *(
            (f"with a {size} object", np.array([any(size_of_box(box) == size for box in row) for row in truth]))
            for size in ("small", "medium", "large")
        ),
    ]
    rows = []
    for name, mask in masks:
        inside = np.flatnonzero(mask)
        part = Matches.of([truth[i] for i in inside], [boxes[i] for i in inside], matches.labels)
        if part.true.sum() >= MIN_OBJECTS:
            estimate = estimates(part, threshold, resamples=300, seed=0)[metric]
            weaker = estimate.high is not None and estimate.high < overall
            rows.append(
                {
                    "slice": name,
                    metric: estimate.value,
                    "low": estimate.low,
                    "high": estimate.high,
                    "n": int(part.true.sum()),
                    "beyond chance": "weaker" if weaker else "",
                }
            )
    rows.sort(key=lambda row: (float(str(row[metric])), str(row["slice"])))
    weak = [str(row["slice"]) for row in rows if row["beyond chance"]]
    say = (
        f"Significantly weaker than the whole: {', '.join(weak)}." if weak else "No slice is significantly weaker than the whole."
    )
    formats = {metric: ".3f", "low": ".3f", "high": ".3f", "n": ",d"}
    frame = pd.DataFrame(rows, columns=["slice", metric, "low", "high", "n", "beyond chance"])
    note = f"n counts true objects; on all pictures the metric is {number(overall)}."
    return Table.of(frame, "Slices", say=say, formats=formats, note=note, evidence=SliceEvidence(weak=weak))
