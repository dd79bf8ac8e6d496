"""The evaluation of a recogniser: refit on all of train, the holdout once, type by type, and what it takes for what."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from glassbox.data.schema import Schema
from glassbox.families.entities.dataset import EntityDataset, clusters, spans_in
from glassbox.families.entities.estimates import estimates
from glassbox.families.entities.fit import fit
from glassbox.families.entities.metrics import Counts, score, scores
from glassbox.families.entities.models import judged
from glassbox.families.entities.predictor import SpanPredictor
from glassbox.families.entities.recipe import Recipe
from glassbox.families.entities.spans import Span, read_spans, written
from glassbox.families.shared.cross_fit import limited
from glassbox.families.text.corpus import Corpus
from glassbox.families.text.log_odds_terms import lengths
from glassbox.families.text.reference_features import Watch
from glassbox.findings.model import Estimates, Facts, Mark, Note, Passage, Passages, Table
from glassbox.findings.wording import clean, metric_label, number

SHOWN = 6
MOST_CHARACTERS = 400
LEAST = 30  # true entities of a slice
SAMPLE = 2_000  # texts of train on which the fitted recogniser is asked, for the gap


def refit(best: Mapping[str, Any], sentences: EntityDataset, schema: Schema, *, seed: int, threads: int = 1) -> SpanPredictor:
    """Fit what tuning kept on all texts of train."""
    with limited(threads):
        model = fit(sentences, best["kind"], best["params"], np.arange(len(sentences.texts)), seed=seed, threads=threads)
    return SpanPredictor(
        schema=schema,
        recipe=Recipe.model_validate(best["recipe"]),
        types=sentences.types,
        kind=best["kind"],
        params=dict(best["params"]),
        model=model,
        watch=Watch.of(Corpus(sentences.texts)),
    )


def predictions(predictor: SpanPredictor, holdout: pd.DataFrame) -> pd.DataFrame:
    """``row_id``, ``y_true`` and ``y_pred`` (spans as JSON, ``[[start, end, type], ...]``), sorted by ``row_id``."""
    rows = holdout.sort_values("row_id", kind="stable").reset_index(drop=True)
    truth = spans_in(rows, str(predictor.schema.target), predictor.recipe.column)
    found = predictor.find(rows)
    return pd.DataFrame(
        {"row_id": rows["row_id"], "y_true": [written(one) for one in truth], "y_pred": [written(one) for one in found]}
    )


def read_predictions(predicted: pd.DataFrame) -> tuple[list[list[Span]], list[list[Span]]]:
    """True and found spans of each row of predictions."""

    def read(cells: pd.Series) -> list[list[Span]]:
        return [[] if isinstance(found := read_spans(cell), str) else found for cell in cells]

    return read(predicted["y_true"]), read(predicted["y_pred"])


def counts_of(predicted: pd.DataFrame, holdout: pd.DataFrame, types: Sequence[str]) -> Counts:
    """Matches in the holdout; types that train did not have are counted too."""
    truth, found = read_predictions(predicted)
    every = sorted({*types, *(span.type for row in truth for span in row)})
    rows = holdout.set_index("row_id").loc[predicted["row_id"]].reset_index()
    return Counts.of(truth, found, every, clusters(rows))


def holdout_metrics(counts: Counts, *, leading: str, resamples: int, seed: int) -> Estimates:
    """Every metric on the holdout with its 95 % bootstrap interval; `leading` first."""
    found = estimates(counts, resamples=resamples, seed=seed)
    ordered = {leading: found[leading], **found}
    lead, (right, said, true) = found[leading], counts.sums()
    say = (
        f"{metric_label(leading)} {number(lead.value)} ({number(lead.low)} to {number(lead.high)}): of {int(true):,} entities in {lead.n or 0:,} texts "
        f"never seen before, {int(right):,} were found exactly, among {int(said):,} that were named."
    )
    return Estimates(title="On the holdout", say=say, values=ordered)


def gap(predictor: SpanPredictor, sentences: EntityDataset, oof: Sequence[Sequence[Span]], counts: Counts, metric: str) -> Facts:
    """The leading metric on the texts that taught, out of fold, and on the holdout."""
    rows = np.arange(len(sentences.texts))[:: max(1, len(sentences.texts) // SAMPLE)]
    seen = judged(predictor.kind, predictor.model, sentences, rows)
    found = {
        "train": score(Counts.of([sentences.spans[i] for i in rows], seen, sentences.types))[metric],
        "out of fold": score(Counts.of(sentences.spans, oof, sentences.types))[metric],
        "holdout": score(counts)[metric],
    }
    say = (
        f"{metric_label(metric)} is {number(found['train'])} on texts that taught, {number(found['out of fold'])} out of fold "
        f"and {number(found['holdout'])} on the holdout."
    )
    facts: dict[str, str | float | int | bool | None] = {"metric": metric_label(metric), **found}
    by_heart, flattery = found["train"] - found["out of fold"], found["out of fold"] - found["holdout"]
    return Facts(title="Gap", say=say, facts={**facts, "train over out of fold": by_heart, "out of fold over holdout": flattery})


def type_table(counts: Counts) -> Table:
    """Each type: how much is found, how much of what is named is right."""
    rows = []
    for k, name in enumerate(counts.types):
        sums = np.array([counts.right[:, k].sum(), counts.found[:, k].sum(), counts.true[:, k].sum()])
        rows.append({"type": name, "entities": int(sums[2]), **{key: float(value) for key, value in scores(sums).items()}})
    rows.sort(key=lambda row: (float(str(row["f1"])), str(row["type"])))
    weakest, best = rows[0], rows[-1]
    say = f"Weakest is {clean(weakest['type'])} (F1 {number(weakest['f1'])}), best {clean(best['type'])} ({number(best['f1'])})."
    return Table.of(pd.DataFrame(rows), "Type by type", say=say, formats=dict.fromkeys(("f1", "precision", "recall"), ".3f"))


def error_kinds(predicted: pd.DataFrame) -> Table:
    """What goes wrong: right ends and another type, another end and the right type, both wrong, missed, and named for nothing."""
    truth, found = read_predictions(predicted)
    kinds: Counter[str] = Counter()
    swaps: Counter[tuple[str, str]] = Counter()
    for own, other in zip(truth, found, strict=True):
        wanted, said = set(own), set(other)
        kinds["right"] += len(wanted & said)
        left = sorted(said - wanted)
        for span in sorted(wanted - said):
            touching = [one for one in left if one.start < span.end and span.start < one.end]
            if not touching:
                kinds["missed"] += 1
                continue
            match = touching[0]
            left.remove(match)
            same_ends = (match.start, match.end) == (span.start, span.end)
            kinds[
                "another type" if same_ends else "other ends" if match.type == span.type else "other ends and another type"
            ] += 1
            if match.type != span.type:
                swaps[span.type, match.type] += 1
        kinds["named for nothing"] += len(left)
    total = sum(kinds.values())
    order = ("right", "other ends", "another type", "other ends and another type", "missed", "named for nothing")
    frame = pd.DataFrame([{"what": name, "entities": kinds[name], "share": kinds[name] / max(1, total)} for name in order])
    worst = max(order[1:], key=lambda name: (kinds[name], name))
    say = f"Most of what goes wrong is: {worst} ({kinds[worst]:,})."
    if swaps:
        (meant, named), n = min(swaps.items(), key=lambda item: (-item[1], item[0]))
        say += f" The type taken wrongly most often is {clean(meant)}, for {clean(named)} ({n:,})."
    return Table.of(frame, "Kinds of errors", say=say, formats={"share": ".1%", "entities": ",d"})


def confusion(predicted: pd.DataFrame) -> tuple[list[str], list[str], list[str]]:
    """For each true or named entity its type and what it was taken for (``nothing`` where none touches it), and all names."""
    truth, found = read_predictions(predicted)
    own_types, said_types = [], []
    for own, other in zip(truth, found, strict=True):
        left = list(other)
        for span in own:
            touching = [one for one in left if one.start < span.end and span.start < one.end]
            if touching:
                best = max(touching, key=lambda one: (one == span, one.type == span.type))
                left.remove(best)
            own_types.append(span.type)
            said_types.append(best.type if touching else "nothing")
        own_types += ["nothing"] * len(left)
        said_types += [one.type for one in left]
    names = [*sorted({*own_types, *said_types} - {"nothing"}), "nothing"]
    return own_types, said_types, names


def headline(counts: Counts) -> Note:
    """What the recogniser is good for, in one sentence that a stakeholder can act on."""
    right, found, true = counts.sums()
    say = (
        f"Of 100 entities in texts that it never saw it finds {100 * right / max(1, true):.0f} exactly; "
        f"of 100 that it names, {100 * right / max(1, found):.0f} are right."
    )
    whole = (counts.right.sum(axis=1) == counts.true.sum(axis=1)) & (counts.found.sum(axis=1) == counts.true.sum(axis=1))
    any_there = counts.true.sum(axis=1) > 0
    lines = (
        [f"{100 * float(whole[any_there].mean()):.0f} in 100 texts with entities are right in all of them."]
        if any_there.any()
        else []
    )
    return Note(title="What it is good for", say=say, lines=lines, tone="good")


def slices(
    predicted: pd.DataFrame, holdout: pd.DataFrame, sentences: EntityDataset, predictor: SpanPredictor, metric: str
) -> Table:
    """The metric on parts of the holdout: by the length of the text, capital letters alone, and whether train knew the names."""
    truth, found = read_predictions(predicted)
    rows = holdout.set_index("row_id").loc[predicted["row_id"]].reset_index()
    texts = predictor.texts(rows)
    words = lengths(texts)
    known = {(text[s.start : s.end], s.type) for text, row in zip(sentences.texts, sentences.spans, strict=True) for s in row}
    names = [[(text[s.start : s.end], s.type) in known for s in row] for text, row in zip(texts, truth, strict=True)]
    edges = np.quantile(words, [1 / 3, 2 / 3])
    capital = np.array([text.isupper() for text in texts], dtype=bool)
    parts: list[tuple[str, Any]] = [
        (f"up to {int(edges[0])} words", words <= edges[0]),
        (f"{int(edges[0]) + 1} to {int(edges[1])} words", (words > edges[0]) & (words <= edges[1])),
        (f"more than {int(edges[1])} words", words > edges[1]),
        ("in capital letters", capital),
        ("all names known from train", np.array([bool(row) and all(row) for row in names], dtype=bool)),
        ("a name not known from train", np.array([bool(row) and not all(row) for row in names], dtype=bool)),
    ]
    every = sorted({span.type for both_rows in (truth, found) for row in both_rows for span in row})
    made = []
    for name, inside in parts:
        at = np.flatnonzero(inside)
        counts = Counts.of([truth[i] for i in at], [found[i] for i in at], every)
        if counts.sums()[2] >= LEAST:
            e = estimates(counts, resamples=300, seed=0)[metric]
            made.append(
                {"slice": name, metric: e.value, "low": e.low, "high": e.high, "n": int(counts.sums()[2]), "beyond chance": ""}
            )
    whole = score(Counts.of(truth, found, every))[metric]
    made = [
        {**row, "beyond chance": "weaker" if row["high"] is not None and float(str(row["high"])) < whole else ""} for row in made
    ]
    made.sort(key=lambda row: (float(str(row[metric])), str(row["slice"])))
    weak = [str(row["slice"]) for row in made if row["beyond chance"]]
    say = (
        f"Weaker than the whole beyond chance: {', '.join(weak)}." if weak else "No slice is weaker than the whole beyond chance."
    )
    formats = {metric: ".3f", "low": ".3f", "high": ".3f", "n": ",d"}
    frame = pd.DataFrame(made, columns=["slice", metric, "low", "high", "n", "beyond chance"])
    return Table.of(
        frame, "Where it is weak", say=say, formats=formats, note=f"n counts true entities; on all texts it is {number(whole)}."
    )


def examples(predicted: pd.DataFrame, holdout: pd.DataFrame, predictor: SpanPredictor, *, wrong: bool) -> Passages:
    """Texts with what was found in them: the fullest that are all right, or those with the most errors."""
    truth, found = read_predictions(predicted)
    rows = holdout.set_index("row_id").loc[predicted["row_id"]].reset_index()
    texts = predictor.texts(rows)
    errors = [len(set(own) ^ set(other)) for own, other in zip(truth, found, strict=True)]
    able = [
        i
        for i, text in enumerate(texts)
        if len(text) <= MOST_CHARACTERS and (errors[i] > 0 if wrong else errors[i] == 0 and truth[i])
    ]
    able.sort(
        key=lambda i: (
            -(errors[i] if wrong else len({s.type for s in truth[i]}) * 100 + len(truth[i])),
            str(predicted["row_id"].iloc[i]),
        )
    )
    passages = []
    for i in able[: SHOWN if wrong else 3]:
        own, other = set(truth[i]), set(found[i])
        head = "All right" if not wrong else _told(texts[i], own, other)
        passages.append(Passage(head=head, text=texts[i], marks=[Mark(start=s.start, end=s.end, label=s.type) for s in found[i]]))
    title = "Where it goes wrong most" if wrong else "What it does"
    say = (
        "Marked is what was found; above each text stands what should have been."
        if wrong
        else "Marked is what was found in texts that it never saw."
    )
    return Passages(title=title, say=say if passages else "There is no such text.", passages=passages)


def _told(text: str, own: set[Span], other: set[Span]) -> str:
    missed = [f"{clean(text[s.start : s.end])} ({s.type})" for s in sorted(own - other)]
    surplus = [f"{clean(text[s.start : s.end])} ({s.type})" for s in sorted(other - own)]
    parts = [f"missed: {', '.join(missed)}"] if missed else []
    parts += [f"named wrongly: {', '.join(surplus)}"] if surplus else []
    return "; ".join(parts)
