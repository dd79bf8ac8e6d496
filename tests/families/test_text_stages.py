"""Tests of the text stages: n-gram counts, models, ensembles, augmentation, leakage checks and explanations."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from sklearn.feature_extraction.text import TfidfVectorizer

from glassbox.data.schema import Schema, infer_schema
from glassbox.errors import GlassboxError
from glassbox.families.classification.dataset import labelled_rows
from glassbox.families.classification.ensemble import ENSEMBLE, log_loss_weights, weighted_ensemble
from glassbox.families.classification.folds import make_folds
from glassbox.families.classification.linear_models import Head, log_opinion_pool
from glassbox.families.protocol import Effort
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.compare import compare
from glassbox.families.shared.cross_fit import CandidateRun
from glassbox.families.text import explain, explore, leakage, log_odds_terms
from glassbox.families.text.augment import augment_texts
from glassbox.families.text.corpus import WORD, Corpus, NgramSpec
from glassbox.families.text.dataset import TextDataset
from glassbox.families.text.family import FAMILY
from glassbox.families.text.fit import fit_fold
from glassbox.families.text.models import KINDS
from glassbox.families.text.ngram_models import inverse_frequency, log_count_ratio, tf_idf
from glassbox.families.text.protocols import Fitting
from glassbox.families.text.recipe import Recipe, default_recipe
from glassbox.families.text.reference_features import ReferenceFeatures
from glassbox.families.text.select_augmentation import select_augmentation
from glassbox.request.model import Data, Request
from glassbox.runtime.resources import Resources
from glassbox.runtime.result_cache import ResultCache
from toy_texts import messages

EFFORT = Effort("For tests.", trials=2, resamples=100)
REQUEST = Request(name="a", task="nlp", data=Data(path="x", target="about", features=["text"]))


def frame(rows: int = 240) -> tuple[pd.DataFrame, Schema]:
    data = messages(rows).assign(row_id=[f"r{i:04d}" for i in range(rows)])
    return data[["row_id", "text", "about"]], infer_schema(data[["row_id", "text", "about"]], REQUEST)


def texts(rows: int = 240, k: int = 3) -> TextDataset:
    data, schema = frame(rows)
    folds = make_folds(data["row_id"], data["about"], k)
    labelled = labelled_rows(data, "about", schema.classes or [], folds, positive="complaint")
    return TextDataset(labelled, Corpus(default_recipe(schema, None).texts(labelled.frame)))


def test_recipe_repairs_markup_and_encoding_and_leaves_the_rest() -> None:
    recipe = Recipe(columns=["a", "b"])
    assert recipe.texts(pd.DataFrame({"a": ["x <br/>y &lt; 3", None], "b": ["2 < 3 > 1", "schÃ¶n"]})) == [
        "x y < 3 2 < 3 > 1",
        "schön",
    ]
    assert recipe.model_copy(update={"markup": False}).texts(pd.DataFrame({"a": ["<b>x"], "b": [""]})) == ["<b>x"]
    assert len(Recipe(columns=["a"], most_characters=10).text(["word " * 100])) <= 10


def test_words_include_apostrophes_and_exclamation_marks() -> None:
    assert WORD.findall("Don't panic, it's 5 o’clock! naïve_case") == [
        "Don't",
        "panic",
        "it's",
        "5",
        "o’clock",
        "!",
        "naïve",
        "case",
    ]


def test_each_emoji_is_a_word() -> None:
    assert WORD.findall("superb 👍👍 parcel ❤️ … 😡!") == ["superb", "👍", "👍", "parcel", "❤", "😡", "!"]


def test_a_fitted_vocabulary_depends_on_the_training_rows_only() -> None:
    corpus = Corpus(["common alone", "common twin", "common twin", "secret secret", "secret common"])
    training = corpus.rows(np.array([0, 1, 2]))
    vocabulary, counts = training.fit_vocabulary(NgramSpec("words", 1, 1), 2, 100)
    assert vocabulary.terms == ["common", "twin"]
    assert counts.toarray().tolist() == [[1, 0], [1, 1], [1, 1]]
    assert corpus.rows(np.array([3, 4])).counts(vocabulary).toarray().tolist() == [[0, 0], [1, 0]]


def test_a_vocabulary_counts_the_texts_of_another_corpus() -> None:
    corpus = Corpus(["good film", "good day", "bad film"])
    vocabulary, _ = corpus.whole().fit_vocabulary(NgramSpec("words", 1, 1), 1, 100)
    assert vocabulary.terms == ["film", "good"]  # n-grams of a single text are not counted
    served = Corpus(["a GOOD good film", "nothing known"])
    assert served.whole().counts(vocabulary).toarray().tolist() == [[1, 2], [0, 0]]


def test_max_terms_selects_the_most_frequent_terms() -> None:
    corpus = Corpus(["a b c", "a b", "a", "c b"])
    vocabulary, _ = corpus.whole().fit_vocabulary(NgramSpec("words", 1, 1), 1, 2)
    assert vocabulary.terms == ["a", "b"]


def test_tf_idf_equals_that_of_scikit_learn() -> None:
    corpus = texts().corpus
    vocabulary, counts = corpus.whole().fit_vocabulary(NgramSpec("words", 1, 2), 2, 10_000)
    ours = tf_idf(counts, inverse_frequency(counts))
    theirs = TfidfVectorizer(tokenizer=WORD.findall, token_pattern=None, ngram_range=(1, 2), min_df=2, sublinear_tf=True)
    expected = theirs.fit_transform(corpus.texts)
    assert theirs.get_feature_names_out().tolist() == vocabulary.terms
    assert np.allclose(ours.toarray(), expected.toarray(), atol=1e-6)


def test_log_count_ratio_matches_values_by_hand() -> None:
    x = sp.csr_matrix([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]])
    hit = np.array([True, True, False])
    # p = 1 + (2, 1) = (3, 2), q = 1 + (0, 1) = (1, 2)
    assert log_count_ratio(x, hit, 1.0) == pytest.approx(np.log([(3 / 5) / (1 / 3), (2 / 5) / (2 / 3)]))


def test_probabilities_of_linear_heads_sum_to_one() -> None:
    for link, columns in (("softmax", 1), ("softmax", 3), ("each", 1), ("each", 3)):
        proba = Head(np.ones((2, columns), np.float32), np.zeros(columns, np.float32), link, 2.0).proba(np.array([[1.0, -3.0]]))
        assert proba.shape == (1, max(2, columns))
        assert proba.sum(axis=1) == pytest.approx([1.0])


def test_ensemble_weights_are_high_for_an_accurate_member_and_low_for_noise() -> None:
    rng = np.random.default_rng(1)
    y = rng.integers(0, 2, 400)
    good = np.where(np.eye(2)[y] == 1, 0.8, 0.2)
    noise = np.column_stack([p := rng.uniform(0.3, 0.7, 400), 1 - p])
    weights = log_loss_weights([good, noise], y)
    assert weights[0] > 1
    assert weights[1] < 0.3
    assert log_opinion_pool([good, noise], [1.0, 0.0]) == pytest.approx(good)


def test_ensemble_weights_for_a_fold_depend_on_the_other_folds_only() -> None:
    dataset = texts()
    labelled = dataset.data
    confident, unsure = (np.where(np.eye(2)[labelled.y] == 1, p, 1 - p) for p in (0.9, 0.7))
    runs = [CandidateRun(Candidate(name=n, kind="words"), proba) for n, proba in (("a", confident.copy()), ("b", unsure))]
    before = weighted_ensemble(runs, labelled, KINDS, "log_loss")
    assert before is not None
    assert before.predictions is not None
    flipped = labelled.y.copy()
    flipped[labelled.fold == 0] = 1 - flipped[labelled.fold == 0]
    after = weighted_ensemble(runs, replace(labelled, y=flipped), KINDS, "log_loss")
    assert after is not None
    assert after.predictions is not None
    assert np.allclose(before.oof[labelled.fold == 0], after.oof[labelled.fold == 0])
    assert not np.allclose(before.oof[labelled.fold != 0], after.oof[labelled.fold != 0])


def test_a_comparison_ranks_candidates_and_reuses_cached_results(tmp_path: Path) -> None:
    candidates = [
        Candidate(name="majority", kind="majority"),
        Candidate(name="words", kind="words"),
        Candidate(name="broken", kind="embeddings"),
    ]
    dataset = texts()
    first = compare(FAMILY, dataset, candidates, "roc_auc", EFFORT, Resources(cache=ResultCache(tmp_path, {})))
    names = [row["candidate"] for row in first.leaderboard["rows"]]
    assert names[-1] == "broken"
    assert "weights.encoder" in first.leaderboard["rows"][-1]["note"]
    assert names.index("words") < names.index("majority")
    assert ENSEMBLE not in names  # one member makes no ensemble
    cached = sorted(tmp_path.rglob("*.json"))
    again = compare(FAMILY, dataset, candidates, "roc_auc", EFFORT, Resources(cache=ResultCache(tmp_path, {})))
    assert sorted(tmp_path.rglob("*.json")) == cached
    assert again.oof.equals(first.oof)


def test_augmentation_is_deterministic_per_text_and_keeps_row_weights() -> None:
    originals = texts().corpus.texts
    for how in ("dropout", "swap"):
        varied = augment_texts(originals, how, 3)  # type: ignore[arg-type]
        assert varied == augment_texts(originals, how, 3)  # type: ignore[arg-type]
        assert varied[:5] == augment_texts(originals[:5], how, 3)  # type: ignore[arg-type]
        assert varied != originals
    assert sorted(augment_texts(originals[:1], "swap", 3)[0].split()) == sorted(originals[0].split())
    assert (
        augment_texts(["the film was good"], "synonyms", 1, {"film": "movie", "good": "fine", "the": "a", "was": "is"})[0] != ""
    )
    dataset = texts()
    doubled = TextDataset(dataset.data, Corpus(dataset.corpus.texts, list(dataset.corpus.texts)))
    candidate = Candidate(name="words", kind="words", params={"C": 1.0, "ngrams": [1, 1]})
    once, twice = (fit_fold(t, candidate, 0, Resources())["proba"] for t in (dataset, doubled))
    assert np.abs(once - twice).max() < 0.05  # a duplicated row keeps its total weight


def test_augmentation_is_selected_only_for_a_significant_gain() -> None:
    selected, table = select_augmentation(texts(), ["dropout"], "roc_auc", EFFORT, Resources())
    assert selected == "none"
    assert table.say.startswith("No augmentation is selected")


def test_a_word_that_determines_the_class_is_flagged() -> None:
    dataset = texts()
    signed = [
        f"{text} xsignature" if y == dataset.data.positive else text
        for text, y in zip(dataset.corpus.texts, dataset.data.y, strict=True)
    ]
    rows = leakage.audit(Corpus(signed), dataset.data)
    assert rows[0]["column"] == "xsignature"
    assert rows[0]["verdict"] == "look"
    assert {row["verdict"] for row in leakage.audit(dataset.corpus, dataset.data)} == {"clear"}


def test_distinctive_words_are_those_of_the_generator() -> None:
    dataset = texts()
    counted = log_odds_terms.count_terms(dataset.corpus, dataset.data.y, 2)
    z = log_odds_terms.log_odds_z_scores(counted)
    complaint = [counted.words[i] for i in log_odds_terms.top_terms(counted, z, dataset.data.positive, 8)]
    assert {"not", "still", "broken"} & set(complaint)
    assert "parcel" not in complaint


def test_near_duplicates_with_conflicting_labels_are_reported() -> None:
    dataset = texts()
    groups = [f"g{i}" for i in range(len(dataset.data.y))]
    other = int(np.flatnonzero(dataset.data.y != dataset.data.y[0])[0])
    groups[other] = groups[0]
    sentence = explore.near_duplicates(groups, dataset.corpus, dataset.data).say
    assert "2 texts" in sentence
    assert "in 1 of them the labels differ" in sentence


def test_reference_features_distinguish_unfamiliar_texts() -> None:
    corpus = texts().corpus
    reference = ReferenceFeatures.of(corpus)
    known, strange = (
        reference.describe(corpus.texts[:50]),
        reference.describe(["Zażółć gęślą jaźń natychmiast proszę państwa dzisiaj wieczorem"]),
    )
    assert known["unknown words"].mean() < 0.15
    assert strange["unknown words"].iloc[0] == 1.0
    assert strange["language"].iloc[0] == "pl"


def test_marks_cover_the_words_that_contribute() -> None:
    text = "it was not good"
    marks = explain.marks(text, np.array([0.0, 0.01, -2.0, 1.0]))
    assert [(text[m.start : m.end], m.weight) for m in marks] == [("not", -1.0), ("good", 0.5)]


def test_an_unknown_kind_raises_an_error_that_lists_the_known_ones() -> None:
    from glassbox.families.text.models import KINDS

    with pytest.raises(GlassboxError, match="expected one of majority, words"):
        KINDS["forest"]


def test_a_corpus_without_shared_n_grams_raises_an_error() -> None:
    corpus = Corpus(["aa", "bb", "cc", "dd"])
    with pytest.raises(GlassboxError, match="no n-gram"):
        KINDS["words"].fit(corpus.rows(np.array([0, 1])), np.array([0, 1]), Fitting({}, 2, 0, 1))
