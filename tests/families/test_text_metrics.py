"""Tests of entity metrics by exact match, their bootstrap intervals, and the conversion of spans."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassbox.families.entities.metrics import Counts, estimates, paired_gain, score
from glassbox.families.entities.spans import Span, read_spans, spans_of, tags_of, write_spans

TRUTH = [[Span(0, 2, "ORG"), Span(5, 9, "PER")], [Span(0, 4, "LOC")], []]


def test_a_match_requires_exact_boundaries_and_type() -> None:
    predicted = [[Span(0, 2, "ORG"), Span(5, 8, "PER")], [Span(0, 4, "PER")], [Span(1, 2, "LOC")]]
    counts = Counts.of(TRUTH, predicted, ["LOC", "ORG", "PER"])
    assert counts.sums().tolist() == [1, 4, 3]
    assert score(counts) == {"f1": pytest.approx(2 / 7), "precision": 1 / 4, "recall": pytest.approx(1 / 3)}


def test_scores_are_zero_without_predictions() -> None:
    assert score(Counts.of(TRUTH, [[], [], []], ["LOC", "ORG", "PER"])) == {"f1": 0.0, "precision": 0.0, "recall": 0.0}


def test_f1_equals_that_of_scikit_learn_for_single_token_spans() -> None:
    from sklearn.metrics import f1_score

    # For spans of one token each, span and token scores agree; `labels` excludes O in scikit-learn.
    rng = np.random.default_rng(0)
    tokens = [(3 * i, 3 * i + 2) for i in range(400)]
    true, predicted = ([f"B-{k}" if k != "O" else "O" for k in rng.choice(["O", "A", "B"], 400)] for _ in range(2))
    counts = Counts.of([spans_of(tokens, true)], [spans_of(tokens, predicted)], ["A", "B"])
    assert score(counts)["f1"] == pytest.approx(f1_score(true, predicted, labels=["B-A", "B-B"], average="micro"))


def test_f1_equals_the_documented_example_of_seqeval() -> None:
    true = [["O", "O", "O", "B-MISC", "I-MISC", "I-MISC", "O"], ["B-PER", "I-PER", "O"]]
    predicted = [["O", "O", "B-MISC", "I-MISC", "I-MISC", "I-MISC", "O"], ["B-PER", "I-PER", "O"]]

    def read(rows: list[list[str]]) -> list[list[Span]]:
        return [spans_of([(3 * i, 3 * i + 2) for i in range(len(tags))], tags) for tags in rows]

    assert score(Counts.of(read(true), read(predicted), ["MISC", "PER"]))["f1"] == pytest.approx(0.5)


def test_the_bootstrap_resamples_whole_documents() -> None:
    truth = [[Span(0, 2, "A")] for _ in range(40)]
    predicted = [[Span(0, 2, "A")] if i < 20 else [] for i in range(40)]
    by_text = estimates(Counts.of(truth, predicted, ["A"]), resamples=400)["recall"]
    by_document = estimates(Counts.of(truth, predicted, ["A"], ["x"] * 20 + ["y"] * 20), resamples=400)["recall"]
    assert by_text.low is not None
    assert by_text.low > 0.3
    assert (by_document.low, by_document.high) == (0.0, 1.0)


def test_a_paired_gain_uses_the_same_draws_for_both() -> None:
    truth = [[Span(0, 2, "A")] for _ in range(60)]
    better = [[Span(0, 2, "A")] if i % 2 else [] for i in range(60)]
    worse = [[Span(0, 2, "A")] if i % 4 == 1 else [] for i in range(60)]
    gain = paired_gain(Counts.of(truth, better, ["A"]), Counts.of(truth, worse, ["A"]), "recall", resamples=300, seed=1)
    assert gain.value == pytest.approx(0.25)
    assert gain.low is not None
    assert gain.low > 0.1
    none = paired_gain(Counts.of(truth, better, ["A"]), Counts.of(truth, better, ["A"]), "f1", resamples=50, seed=1)
    assert (none.value, none.low, none.high) == (0.0, 0.0, 0.0)


@given(st.lists(st.sampled_from(["O", "B-A", "I-A", "B-B", "I-B"]), max_size=12))
def test_spans_round_trip_through_tags_and_cells(tags: list[str]) -> None:
    tokens = [(3 * i, 3 * i + 2) for i in range(len(tags))]
    spans = spans_of(tokens, tags)
    assert spans_of(tokens, tags_of(tokens, spans)) == spans
    assert read_spans(write_spans(spans), "x" * 40) == spans


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("nothing", "not JSON"),
        ('{"a": 1}', "not a list"),
        ("[[0, 3]]", "not [start, end, type]"),
        ("[[true, 3, 'A']]".replace("'", '"'), "not [start, end, type]"),
        ('[[2, 2, "A"]]', "a span from 2 to 2"),
        ('[[0, 30, "A"]]', "in a text of 9 characters"),
        ('[[0, 4, "A"], [3, 6, "B"]]', "overlap"),
    ],
)
def test_invalid_entities_are_described(cell: str, message: str) -> None:
    assert message in str(read_spans(cell, "some text"))


def test_spans_are_read_from_objects() -> None:
    assert read_spans('[{"start": 0, "end": 4, "label": "A"}]', "some text") == [Span(0, 4, "A")]
