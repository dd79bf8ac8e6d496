"""The evaluation of a detector: refit on all of train, the holdout once, label by label, and which mistakes it makes."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from glassbox.data.schema import Schema
from glassbox.families.detection.box_drawing import OUTCOME_LEGEND, judged, told
from glassbox.families.detection.boxes import Box, read_boxes, write_boxes
from glassbox.families.detection.dataset import DetectionDataset, boxes_in
from glassbox.families.detection.error_analysis import KINDS, ErrorAnalysis, analyse_errors
from glassbox.families.detection.explore import size_of_box
from glassbox.families.detection.fit import CODE, fit
from glassbox.families.detection.metrics import Matches, by_label, estimates, score
from glassbox.families.detection.predictor import BoxPredictor
from glassbox.families.detection.recipe import Recipe
from glassbox.families.detection.score_threshold import Thresholds
from glassbox.families.shared.cross_fit import limited
from glassbox.families.vision.reference_features import ReferenceFeatures
from glassbox.families.vision.training import checkpoint_path, remove_checkpoint
from glassbox.findings.model import Estimates, Facts, Note, Pictures, Table
from glassbox.findings.wording import clean, metric_label, number

SHOWN = 9
LEAST = 20  # objects of a slice
SAMPLE = 100  # pictures of train on which the fitted detector is asked, for the gap


def refit(
    best: Mapping[str, Any], scenes: DetectionDataset, schema: Schema, chosen: Thresholds, *, seed: int, threads: int = 1
) -> BoxPredictor:
    """Fit what tuning kept on all pictures of train, and put it together with the rule by which boxes are answered."""
    parts = {"what": "all of train", "data": scenes.digest(best["kind"]), "best": dict(best), "seed": seed, "threads": threads}
    checkpoint = checkpoint_path(scenes.album.store, parts, CODE)
    everyone = np.arange(len(scenes))
    with limited(threads):
        model = fit(scenes, best["kind"], best["params"], everyone, seed=seed, threads=threads, checkpoint=checkpoint)
    remove_checkpoint(checkpoint)
    return BoxPredictor(
        schema=schema,
        recipe=Recipe.model_validate(best["recipe"]),
        labels=scenes.labels,
        kind=best["kind"],
        params=dict(best["params"]),
        model=model,
        threshold=chosen.threshold,
        overlap=chosen.overlap,
        reference=ReferenceFeatures.of(scenes.album, None),
        workers=scenes.album.workers,
    )


def predictions(predictor: BoxPredictor, holdout: pd.DataFrame) -> pd.DataFrame:
    """``row_id``, ``y_true``, ``y_pred`` and ``threshold``, sorted by ``row_id``.

    ``y_pred`` are all ranked boxes as JSON, ``[[x, y, width, height, label, score], ...]``: from those with a score of ``threshold`` or
    more ``f1``, ``precision`` and ``recall`` are computed, and they are what a service answers; the others are of all of them.
    """
    rows = holdout.sort_values("row_id", kind="stable").reset_index(drop=True)
    truth = boxes_in(rows, str(predictor.schema.target))
    found = predictor.detect(rows)
    return pd.DataFrame(
        {
            "row_id": rows["row_id"],
            "y_true": [write_boxes(one) for one in truth],
            "y_pred": [write_boxes(one) for one in found],
            "threshold": predictor.threshold,
        }
    )


def true_and_predicted(predicted: pd.DataFrame) -> tuple[list[list[Box]], list[list[Box]]]:
    """True and found boxes of each row of predictions."""
    own, other = ([read_boxes(cell) for cell in predicted[name]] for name in ("y_true", "y_pred"))
    return own, other


def matches_of(predicted: pd.DataFrame, labels: Sequence[str]) -> Matches:
    """Matches in the holdout; labels that train did not have are counted too."""
    truth, found = true_and_predicted(predicted)
    return Matches.of(truth, found, sorted({*labels, *(box.label for row in truth for box in row)}))


def holdout_metrics(matches: Matches, threshold: float, *, leading: str, resamples: int, seed: int) -> Estimates:
    """Every metric on the holdout with its 95 % bootstrap interval over pictures; `leading` first."""
    found = estimates(matches, threshold, resamples=resamples, seed=seed)
    ordered = {leading: found[leading], **found}
    lead = found[leading]
    say = (
        f"{metric_title(leading)} {number(lead.value)} ({number(lead.low)} to {number(lead.high)}), over {int(matches.true.sum()):,} objects on "
        f"{lead.n or 0:,} pictures never seen before."
    )
    return Estimates(title="On the holdout", say=say, values=ordered)


def metric_title(metric: str) -> str:
    """A metric as it is spoken of."""
    named = metric_label(metric)
    return named[0].upper() + named[1:]


def gap(predictor: BoxPredictor, scenes: DetectionDataset, oof: Sequence[Sequence[Box]], matches: Matches, metric: str) -> Facts:
    """The leading metric on pictures that taught, out of fold, and on the holdout."""
    rows = np.arange(len(scenes))[:: max(1, len(scenes) // SAMPLE)]
    seen = predictor.apply_nms(predictor.model.find(scenes.view(rows)))
    cut = predictor.threshold
    found = {
        "train": score(Matches.of([scenes.boxes[i] for i in rows], seen, scenes.labels), cut)[metric],
        "out of fold": score(Matches.of(scenes.boxes, predictor.apply_nms(oof), scenes.labels), cut)[metric],
        "holdout": score(matches, cut)[metric],
    }
    say = (
        f"{metric_title(metric)} is {number(found['train'])} on pictures that taught, {number(found['out of fold'])} out of fold "
        f"and {number(found['holdout'])} on the holdout."
    )
    facts: dict[str, str | float | int | bool | None] = {"metric": metric_title(metric), **found}
    by_heart, flattery = found["train"] - found["out of fold"], found["out of fold"] - found["holdout"]
    return Facts(title="Gap", say=say, facts={**facts, "train over out of fold": by_heart, "out of fold over holdout": flattery})


def headline(matches: Matches, predicted: pd.DataFrame) -> Note:
    """What the detector is good for, in one sentence that a stakeholder can act on."""
    found = score(matches, _threshold(predicted))
    say = (
        f"Of 100 objects on pictures that it never saw it finds {100 * found['recall']:.0f}; of 100 boxes that it answers, "
        f"{100 * found['precision']:.0f} are right: the label, and at least half of the box."
    )
    made = _error_analysis(predicted)
    whole = [
        all(kind == "found" for kind in true) and all(one is None or one.kind == "right" for one in said)
        for said, true in zip(made.found, made.true, strict=True)
    ]
    lines = [f"{100 * float(np.mean(whole)):.0f} in 100 pictures are right in all that stands on them."] if whole else []
    return Note(title="What it is good for", say=say, lines=lines, tone="good")


def _threshold(predicted: pd.DataFrame) -> float:
    return float(predicted["threshold"].iloc[0]) if len(predicted) else 0.5


def _error_analysis(predicted: pd.DataFrame) -> ErrorAnalysis:
    return analyse_errors(*true_and_predicted(predicted), _threshold(predicted))


def label_table(matches: Matches, predicted: pd.DataFrame) -> Table:
    """Each label: how well it is found at one IoU and over all, and what of its answers is right."""
    found, cut = by_label(matches), _threshold(predicted)
    rows = []
    for k, name in enumerate(matches.labels):
        ranked, true = matches.ranked[k], float(matches.true[:, k].sum())
        kept = ranked.score >= cut
        right, said = float(ranked.right[0][kept].sum()), float(kept.sum())
        rows.append(
            {
                "label": name,
                "objects": int(true),
                **{metric: _number(found[name][metric]) for metric in ("map", "map_50", "map_75")},
                "precision": right / said if said else 0.0,
                "recall": right / true if true else None,
            }
        )
    able = [row for row in rows if row["map"] is not None]
    able.sort(key=lambda row: (float(str(row["map"])), str(row["label"])))
    say = (
        f"Weakest is {clean(able[0]['label'])} ({number(float(str(able[0]['map'])))}), best {clean(able[-1]['label'])} "
        f"({number(float(str(able[-1]['map'])))})."
        if able
        else "There is no object."
    )
    formats = {"objects": ",d", **dict.fromkeys(("map", "map_50", "map_75", "precision", "recall"), ".3f")}
    order = [*able, *(row for row in rows if row["map"] is None)]
    return Table.of(pd.DataFrame(order), "Label by label", say=say, formats=formats)


def _number(value: float) -> float | None:
    return value if np.isfinite(value) else None


def error_table(predicted: pd.DataFrame) -> Table:
    """What goes wrong, at IoU 0.5 and from the chosen score on: each kind, how often, and what it means."""
    meant = {
        "right": "the label, and at least half of the box",
        "double": "a second box on an object that was found",
        "loose": "the right label on a box that covers too little of it",
        "wrong class": "a good box with another label",
        "loose and wrong class": "a poor box with another label",
        "background": "a box where nothing stands",
        "missed": "an object that no box is right about",
    }
    made = _error_analysis(predicted).counts
    total = max(1, sum(made.values()))
    rows = [{"what": kind, "boxes": made[kind], "share": made[kind] / total, "it is": meant[kind]} for kind in KINDS]
    worst = max((kind for kind in KINDS if kind not in ("right", "missed")), key=lambda kind: (made[kind], kind))
    say = (
        f"Most of what is answered wrongly is: {worst} ({made[worst]:,}); {made['missed']:,} objects are missed."
        if made[worst]
        else f"Nothing is answered wrongly; {made['missed']:,} objects are missed."
    )
    swaps = _swaps(predicted)
    if swaps:
        (own, said), n = min(swaps.items(), key=lambda item: (-item[1], item[0]))
        say += f" Taken for another most often: {clean(own)} for {clean(said)} ({n:,})."
    return Table.of(pd.DataFrame(rows), "Kinds of mistakes", say=say, formats={"share": ".1%", "boxes": ",d"})


def _swaps(predicted: pd.DataFrame) -> dict[tuple[str, str], int]:
    truth, found = true_and_predicted(predicted)
    counts: dict[tuple[str, str], int] = {}
    for own, other, said in zip(truth, found, _error_analysis(predicted).found, strict=True):
        for box, kind in zip(other, said, strict=True):
            if kind is not None and kind.kind == "wrong class" and kind.object is not None:
                pair = own[kind.object].label, box.label
                counts[pair] = counts.get(pair, 0) + 1
    return counts


def examples(predicted: pd.DataFrame, holdout: pd.DataFrame, column: str, *, wrong: bool) -> Pictures:
    """Pictures with what was found on them: the fullest that are all right, or those with the most mistakes."""
    truth, found = true_and_predicted(predicted)
    made = _error_analysis(predicted)
    cells = holdout.set_index("row_id").loc[predicted["row_id"], column].tolist()
    errors = [
        sum(one is not None and one.kind != "right" for one in said) + sum(kind == "missed" for kind in true)
        for said, true in zip(made.found, made.true, strict=True)
    ]
    able = [i for i, n in enumerate(errors) if isinstance(cells[i], str) and (n > 0 if wrong else n == 0 and truth[i])]
    able.sort(key=lambda i: (-(errors[i] if wrong else len(truth[i])), str(predicted["row_id"].iloc[i])))
    pictures = []
    for i in able[: SHOWN if wrong else 6]:
        pair = (truth[i], found[i], made.found[i], made.true[i])
        pictures.append(judged(str(cells[i]), *pair, told(*pair)))
    title = "Where it goes wrong most" if wrong else "What it does"
    say = (
        f"{sum(n > 0 for n in errors):,} of {len(errors):,} pictures have a mistake; these have the most."
        if wrong
        else "Pictures that it never saw, and got all right: those with the most objects."
    )
    return Pictures(title=title, say=say if pictures else "There is no such picture.", pictures=pictures, note=OUTCOME_LEGEND)


def slices(predicted: pd.DataFrame, matches: Matches, metric: str) -> Table:
    """The metric on parts of the holdout: pictures with few and many objects, and recall of small and large ones."""
    truth, found = true_and_predicted(predicted)
    cut = _threshold(predicted)
    whole = score(matches, cut)[metric]
    count = np.array([len(row) for row in truth])
    some, many = "one object or none", "several objects"
    middle = max(2, int(np.median(count))) if len(count) else 2
    parts = [
        (some, count <= 1),
        (f"{many}, up to {middle}", (count > 1) & (count <= middle)),
        (f"more than {middle} objects", count > middle),
        *(
            (f"with a {size} object", np.array([any(size_of_box(b) == size for b in row) for row in truth]))
            for size in ("small", "medium", "large")
        ),
    ]
    made = []
    for name, inside in parts:
        at = np.flatnonzero(inside)
        own = Matches.of([truth[i] for i in at], [found[i] for i in at], matches.labels)
        if own.true.sum() >= LEAST:
            e = estimates(own, cut, resamples=300, seed=0)[metric]
            weaker = e.high is not None and e.high < whole
            made.append(
                {
                    "slice": name,
                    metric: e.value,
                    "low": e.low,
                    "high": e.high,
                    "n": int(own.true.sum()),
                    "beyond chance": "weaker" if weaker else "",
                }
            )
    made.sort(key=lambda row: (float(str(row[metric])), str(row["slice"])))
    weak = [str(row["slice"]) for row in made if row["beyond chance"]]
    say = (
        f"Weaker than the whole beyond chance: {', '.join(weak)}." if weak else "No slice is weaker than the whole beyond chance."
    )
    formats = {metric: ".3f", "low": ".3f", "high": ".3f", "n": ",d"}
    frame = pd.DataFrame(made, columns=["slice", metric, "low", "high", "n", "beyond chance"])
    note = f"n counts true objects; on all pictures it is {number(whole)}."
    return Table.of(frame, "Where it is weak", say=say, formats=formats, note=note)
