"""Entities by exact match, and what their intervals are drawn from."""

import numpy as np
import pytest
from glassbox.families.entities.estimates import estimates, paired_gain
from hypothesis import given
from hypothesis import strategies as st

from glassbox.families.entities.metrics import Counts, score
from glassbox.families.entities.spans import Span, read_spans, spans_of, tags_of, written

TRUTH = [[Span(0, 2, "ORG"), Span(5, 9, "PER")], [Span(0, 4, "LOC")], []]


def test_both_ends_and_the_type_must_be_right() -> None:
    found = [[Span(0, 2, "ORG"), Span(5, 8, "PER")], [Span(0, 4, "PER")], [Span(1, 2, "LOC")]]
    counts = Counts.of(TRUTH, found, ["LOC", "ORG", "PER"])
    assert counts.sums().tolist() == [1, 4, 3]
    assert score(counts) == {"f1": pytest.approx(2 / 7), "precision": 1 / 4, "recall": pytest.approx(1 / 3)}


def test_nothing_found_is_nought_and_not_undefined() -> None:
    assert score(Counts.of(TRUTH, [[], [], []], ["LOC", "ORG", "PER"])) == {"f1": 0.0, "precision": 0.0, "recall": 0.0}


def test_the_same_as_a_library_counts_from_tags() -> None:
    from sklearn.metrics import f1_score

    # Of spans of one token each, span and token scores agree; scikit-learn leaves O out by its labels.
    rng = np.random.default_rng(0)
    tokens = [(3 * i, 3 * i + 2) for i in range(400)]
    own, said = ([f"B-{k}" if k != "O" else "O" for k in rng.choice(["O", "A", "B"], 400)] for _ in range(2))
    counts = Counts.of([spans_of(tokens, own)], [spans_of(tokens, said)], ["A", "B"])
    assert score(counts)["f1"] == pytest.approx(f1_score(own, said, labels=["B-A", "B-B"], average="micro"))


def test_the_example_that_seqeval_documents_comes_out_as_it_says() -> None:
    true = [["O", "O", "O", "B-MISC", "I-MISC", "I-MISC", "O"], ["B-PER", "I-PER", "O"]]
    said = [["O", "O", "B-MISC", "I-MISC", "I-MISC", "I-MISC", "O"], ["B-PER", "I-PER", "O"]]

    def read(rows: list[list[str]]) -> list[list[Span]]:
        return [spans_of([(3 * i, 3 * i + 2) for i in range(len(tags))], tags) for tags in rows]

    assert score(Counts.of(read(true), read(said), ["MISC", "PER"]))["f1"] == pytest.approx(0.5)


def test_documents_are_redrawn_as_a_whole() -> None:
    truth = [[Span(0, 2, "A")] for _ in range(40)]
    found = [[Span(0, 2, "A")] if i < 20 else [] for i in range(40)]
    alone = estimates(Counts.of(truth, found, ["A"]), resamples=400)["recall"]
    two = estimates(Counts.of(truth, found, ["A"], ["x"] * 20 + ["y"] * 20), resamples=400)["recall"]
    assert alone.low is not None
    assert alone.low > 0.3
    assert (two.low, two.high) == (0.0, 1.0)


def test_a_gain_is_judged_on_the_same_draws() -> None:
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
def test_tags_that_were_read_are_written_as_they_mean(tags: list[str]) -> None:
    tokens = [(3 * i, 3 * i + 2) for i in range(len(tags))]
    spans = spans_of(tokens, tags)
    assert spans_of(tokens, tags_of(tokens, spans)) == spans
    assert read_spans(written(spans), "x" * 40) == spans


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        ("nothing", "no JSON"),
        ('{"a": 1}', "no list"),
        ("[[0, 3]]", "no [start, end, type]"),
        ("[[true, 3, 'A']]".replace("'", '"'), "no [start, end, type]"),
        ('[[2, 2, "A"]]', "a span from 2 to 2"),
        ('[[0, 30, "A"]]', "in a text of 9 characters"),
        ('[[0, 4, "A"], [3, 6, "B"]]', "overlap"),
    ],
)
def test_entities_that_cannot_be_meant_are_told(cell: str, says: str) -> None:
    assert says in str(read_spans(cell, "some text"))


def test_objects_are_read_too() -> None:
    assert read_spans('[{"start": 0, "end": 4, "label": "A"}]', "some text") == [Span(0, 4, "A")]
