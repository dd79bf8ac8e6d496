"""Evaluation of an entity recogniser: holdout metrics, metrics by type and slice, and error analysis."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from glassbox.families.entities.dataset import EntityDataset, clusters, spans_in
from glassbox.families.entities.metrics import Counts, estimates, score
from glassbox.families.entities.models import predict_rows
from glassbox.families.entities.predictor import SpanPredictor
from glassbox.families.entities.spans import Span, read_spans, write_spans
from glassbox.families.shared.micro_scores import micro_scores
from glassbox.families.text.log_odds_terms import lengths
from glassbox.findings.evidence import GeneralizationEvidence, SliceEvidence
from glassbox.findings.model import Estimates, Facts, Mark, Note, Passage, Passages, Table
from glassbox.findings.wording import clean, metric_label, number

SHOWN = 6
MOST_CHARACTERS = 400
MIN_ENTITIES = 30  # true entities that a slice must have to be reported
SAMPLE = 2_000  # training texts on which the train score is computed
ERROR_TYPES = ("wrong boundaries", "wrong type", "wrong boundaries and type", "missed", "spurious")


def predictions(predictor: SpanPredictor, holdout: pd.DataFrame) -> pd.DataFrame:
    """Return ``row_id``, ``y_true`` and ``y_pred`` (spans as JSON, ``[[start, end, type], ...]``), sorted by ``row_id``."""
    rows = holdout.sort_values("row_id", kind="stable").reset_index(drop=True)
    truth = spans_in(rows, str(predictor.schema.target), predictor.recipe.column)
    predicted = predictor.find(rows)
    return pd.DataFrame(
        {
            "row_id": rows["row_id"],
            "y_true": [write_spans(spans) for spans in truth],
            "y_pred": [write_spans(spans) for spans in predicted],
        }
    )


def read_predictions(predicted: pd.DataFrame) -> tuple[list[list[Span]], list[list[Span]]]:
    """Return the true and the predicted spans of each row of predictions."""

    def read(cells: pd.Series) -> list[list[Span]]:
        return [[] if isinstance(spans := read_spans(cell), str) else spans for cell in cells]

    return read(predicted["y_true"]), read(predicted["y_pred"])


def counts_of(predicted: pd.DataFrame, holdout: pd.DataFrame, types: Sequence[str]) -> Counts:
    """Count matches in the holdout, including types that do not occur in train."""
    truth, predicted_spans = read_predictions(predicted)
    all_types = sorted({*types, *(span.type for row in truth for span in row)})
    rows = holdout.set_index("row_id").loc[predicted["row_id"]].reset_index()
    return Counts.of(truth, predicted_spans, all_types, clusters(rows))


def holdout_metrics(counts: Counts, *, leading: str, resamples: int, seed: int) -> Estimates:
    """Return every metric on the holdout with its 95 % bootstrap interval; `leading` first."""
    values = estimates(counts, resamples=resamples, seed=seed)
    lead, (correct, predicted, true) = values[leading], counts.sums()
    say = (
        f"{metric_label(leading)} is {number(lead.value)} (95 % interval {number(lead.low)} to {number(lead.high)}) on the {lead.n or 0:,} texts "
        f"of the holdout. Of {int(true):,} entities, {int(correct):,} are recognised exactly; the recogniser predicts {int(predicted):,}."
    )
    return Estimates(title="Holdout metrics", say=say, values={leading: lead, **values})


def generalization_gap(
    predictor: SpanPredictor, sentences: EntityDataset, oof: Sequence[Sequence[Span]], counts: Counts, metric: str
) -> Facts:
    """Compare the leading metric on train, out of fold and on the holdout."""
    rows = np.arange(len(sentences.texts))[:: max(1, len(sentences.texts) // SAMPLE)]
    in_sample = predict_rows(predictor.kind, predictor.model, sentences, rows)
    values = {
        "train": score(Counts.of([sentences.spans[i] for i in rows], in_sample, sentences.types))[metric],
        "out of fold": score(Counts.of(sentences.spans, oof, sentences.types))[metric],
        "holdout": score(counts)[metric],
    }
    say = (
        f"{metric_label(metric)} is {number(values['train'])} on train, {number(values['out of fold'])} out of fold "
        f"and {number(values['holdout'])} on the holdout."
    )
    facts: dict[str, str | float | int | bool | None] = {"metric": metric_label(metric), **values}
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


def type_table(counts: Counts) -> Table:
    """Return F1, precision and recall of each type, the lowest F1 first."""
    rows = []
    for k, name in enumerate(counts.types):
        sums = np.array([counts.correct[:, k].sum(), counts.predicted[:, k].sum(), counts.true[:, k].sum()])
        rows.append({"type": name, "entities": int(sums[2]), **{key: float(value) for key, value in micro_scores(sums).items()}})
    rows.sort(key=lambda row: (float(str(row["f1"])), str(row["type"])))
    weakest, best = rows[0], rows[-1]
    say = (
        f"{clean(weakest['type'])} has the lowest F1 ({number(weakest['f1'])}) "
        f"and {clean(best['type'])} the highest ({number(best['f1'])})."
    )
    return Table.of(pd.DataFrame(rows), "Metrics by type", say=say, formats=dict.fromkeys(("f1", "precision", "recall"), ".3f"))


def error_types(predicted: pd.DataFrame) -> Table:
    """Count correct entities and each type of error: wrong boundaries, wrong type, both, missed and spurious entities."""
    truth, predicted_spans = read_predictions(predicted)
    counts: Counter[str] = Counter()
    swaps: Counter[tuple[str, str]] = Counter()
    for true_row, predicted_row in zip(truth, predicted_spans, strict=True):
        actual, named = set(true_row), set(predicted_row)
        counts["correct"] += len(actual & named)
        unmatched = sorted(named - actual)
        for span in sorted(actual - named):
            match = next((candidate for candidate in unmatched if _overlap(candidate, span)), None)
            if match is None:
                counts["missed"] += 1
                continue
            unmatched.remove(match)
            same_boundaries = (match.start, match.end) == (span.start, span.end)
            counts[
                "wrong type"
                if same_boundaries
                else "wrong boundaries"
                if match.type == span.type
                else "wrong boundaries and type"
            ] += 1
            if match.type != span.type:
                swaps[span.type, match.type] += 1
        counts["spurious"] += len(unmatched)
    total = sum(counts.values())
    frame = pd.DataFrame(
        [{"outcome": name, "entities": counts[name], "share": counts[name] / max(1, total)} for name in ("correct", *ERROR_TYPES)]
    )
    worst = max(ERROR_TYPES, key=lambda name: (counts[name], name))
    say = f"The most frequent type of error is: {worst} ({counts[worst]:,})."
    if swaps:
        (true_type, predicted_type), n = min(swaps.items(), key=lambda item: (-item[1], item[0]))
        say += f" The most frequent confusion is {clean(true_type)} predicted as {clean(predicted_type)} ({n:,})."
    return Table.of(frame, "Error types", say=say, formats={"share": ".1%", "entities": ",d"})


def _overlap(a: Span, b: Span) -> bool:
    return a.start < b.end and b.start < a.end


def confusion(predicted: pd.DataFrame) -> tuple[list[str], list[str], list[str]]:
    """Return the true and the predicted type of each entity (``nothing`` where no span overlaps it), and all labels."""
    truth, predicted_spans = read_predictions(predicted)
    true_types, predicted_types = [], []
    for true_row, predicted_row in zip(truth, predicted_spans, strict=True):
        unmatched = list(predicted_row)
        for span in true_row:
            overlapping = [candidate for candidate in unmatched if _overlap(candidate, span)]
            if overlapping:
                best = max(overlapping, key=lambda candidate: (candidate == span, candidate.type == span.type))
                unmatched.remove(best)
            true_types.append(span.type)
            predicted_types.append(best.type if overlapping else "nothing")
        true_types += ["nothing"] * len(unmatched)
        predicted_types += [span.type for span in unmatched]
    labels = [*sorted({*true_types, *predicted_types} - {"nothing"}), "nothing"]
    return true_types, predicted_types, labels


def headline(counts: Counts) -> Note:
    """Summarise recall and precision on the holdout in a sentence for stakeholders."""
    correct, predicted, true = counts.sums()
    say = (
        f"In unseen texts, the recogniser finds {100 * correct / max(1, true):.0f} of 100 entities exactly; "
        f"of 100 entities that it predicts, {100 * correct / max(1, predicted):.0f} are correct."
    )
    all_correct = (counts.correct.sum(axis=1) == counts.true.sum(axis=1)) & (
        counts.predicted.sum(axis=1) == counts.true.sum(axis=1)
    )
    has_entities = counts.true.sum(axis=1) > 0
    lines = (
        [f"In {100 * float(all_correct[has_entities].mean()):.0f} of 100 texts with entities, all entities are correct."]
        if has_entities.any()
        else []
    )
    return Note(title="Performance summary", say=say, lines=lines, tone="good")


def slices(
    predicted: pd.DataFrame, holdout: pd.DataFrame, sentences: EntityDataset, predictor: SpanPredictor, metric: str
) -> Table:
    """Return the metric on slices of the holdout: by text length, capitalisation, and whether the names occur in train."""
    truth, predicted_spans = read_predictions(predicted)
    rows = holdout.set_index("row_id").loc[predicted["row_id"]].reset_index()
    texts = predictor.texts(rows)
    words = lengths(texts)
    known = {(text[s.start : s.end], s.type) for text, row in zip(sentences.texts, sentences.spans, strict=True) for s in row}
    is_known = [[(text[s.start : s.end], s.type) in known for s in row] for text, row in zip(texts, truth, strict=True)]
    edges = np.quantile(words, [1 / 3, 2 / 3])
    upper_case = np.array([text.isupper() for text in texts], dtype=bool)
    parts: list[tuple[str, Any]] = [
        (f"up to {int(edges[0])} words", words <= edges[0]),
        (f"{int(edges[0]) + 1} to {int(edges[1])} words", (words > edges[0]) & (words <= edges[1])),
        (f"more than {int(edges[1])} words", words > edges[1]),
        ("in capital letters", upper_case),
        ("all names occur in train", np.array([bool(row) and all(row) for row in is_known], dtype=bool)),
        ("some names do not occur in train", np.array([bool(row) and not all(row) for row in is_known], dtype=bool)),
    ]
    all_types = sorted({span.type for row in (*truth, *predicted_spans) for span in row})
    records = []
    for name, inside in parts:
        at = np.flatnonzero(inside)
        counts = Counts.of([truth[i] for i in at], [predicted_spans[i] for i in at], all_types)
        if counts.sums()[2] >= MIN_ENTITIES:
            e = estimates(counts, resamples=300, seed=0)[metric]
            records.append(
                {"slice": name, metric: e.value, "low": e.low, "high": e.high, "n": int(counts.sums()[2]), "beyond chance": ""}
            )
    overall = score(Counts.of(truth, predicted_spans, all_types))[metric]
    records = [
        {**row, "beyond chance": "weaker" if row["high"] is not None and float(str(row["high"])) < overall else ""}
        for row in records
    ]
    records.sort(key=lambda row: (float(str(row[metric])), str(row["slice"])))
    weak = [str(row["slice"]) for row in records if row["beyond chance"]]
    say = (
        f"Significantly below the overall score: {', '.join(weak)}."
        if weak
        else "No slice is significantly below the overall score."
    )
    formats = {metric: ".3f", "low": ".3f", "high": ".3f", "n": ",d"}
    frame = pd.DataFrame(records, columns=["slice", metric, "low", "high", "n", "beyond chance"])
    note = f"n is the number of true entities. {metric_label(metric)} on all texts is {number(overall)}."
    return Table.of(frame, "Performance by slice", say=say, formats=formats, note=note, evidence=SliceEvidence(weak=weak))


def examples(predicted: pd.DataFrame, holdout: pd.DataFrame, predictor: SpanPredictor, *, wrong: bool) -> Passages:
    """Return texts with their predicted entities: the richest ones without errors, or those with the most errors."""
    truth, predicted_spans = read_predictions(predicted)
    rows = holdout.set_index("row_id").loc[predicted["row_id"]].reset_index()
    texts = predictor.texts(rows)
    errors = [len(set(actual) ^ set(named)) for actual, named in zip(truth, predicted_spans, strict=True)]
    eligible = [
        i
        for i, text in enumerate(texts)
        if len(text) <= MOST_CHARACTERS and (errors[i] > 0 if wrong else errors[i] == 0 and truth[i])
    ]
    eligible.sort(
        key=lambda i: (
            -(errors[i] if wrong else len({s.type for s in truth[i]}) * 100 + len(truth[i])),
            str(predicted["row_id"].iloc[i]),
        )
    )
    passages = []
    for i in eligible[: SHOWN if wrong else 3]:
        marks = [Mark(start=s.start, end=s.end, label=s.type) for s in predicted_spans[i]]
        head = _describe_errors(texts[i], set(truth[i]), set(predicted_spans[i])) if wrong else "All entities correct"
        passages.append(Passage(head=head, text=texts[i], marks=marks))
    title = "Error analysis" if wrong else "Prediction examples"
    say = (
        "The texts with the most errors. Predicted entities are marked; the errors are listed above each text."
        if wrong
        else "Unseen texts with their predicted entities, all of which are correct."
    )
    return Passages(title=title, say=say if passages else "The holdout has no such text.", passages=passages)


def _describe_errors(text: str, actual: set[Span], predicted: set[Span]) -> str:
    missed = [f"{clean(text[s.start : s.end])} ({s.type})" for s in sorted(actual - predicted)]
    wrong = [f"{clean(text[s.start : s.end])} ({s.type})" for s in sorted(predicted - actual)]
    parts = [f"missed: {', '.join(missed)}"] if missed else []
    parts += [f"wrong: {', '.join(wrong)}"] if wrong else []
    return "; ".join(parts)
