"""Tests of the canonical skops format, and of the errors of loading a predictor."""

import io
import json
import zipfile
from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import OneHotEncoder

from glassbox.errors import GlassboxError
from glassbox.families.predictor_protocol import load_predictor
from glassbox.families.shared import skops_io
from glassbox.families.tabular.models import TREE, _check_tree

X = np.random.default_rng(0).random((60, 3))
Y = (X[:, 0] > 0.5).astype(int)


def test_dumps_of_equal_models_differ_in_skops_and_are_equal_here() -> None:
    first, second = LogisticRegression().fit(X, Y), LogisticRegression().fit(X, Y)
    assert skops.io.dumps(first) != skops.io.dumps(second)
    assert skops_io.dumps(first) == skops_io.dumps(second)


def test_canonical_is_idempotent() -> None:
    content = skops_io.dumps(RandomForestClassifier(3, random_state=0).fit(X, Y))
    assert skops_io.canonical(content) == content


def test_different_values_give_different_bytes() -> None:
    assert skops_io.dumps(LogisticRegression(C=1.0)) != skops_io.dumps(LogisticRegression(C=2.0))


def test_padding_between_the_fields_of_a_tree_is_zero() -> None:
    kind = np.dtype([("a", "u1"), ("b", "f8")], align=True)
    padded = np.frombuffer(bytes(range(32)), dtype=kind)
    sink = io.BytesIO()
    np.save(sink, padded)
    zeroed = np.load(io.BytesIO(skops_io._without_padding(sink.getvalue())))
    assert zeroed.tolist() == padded.tolist()
    assert zeroed.tobytes()[1:8] == bytes(7)


def test_sets_are_written_in_sorted_order() -> None:
    written = skops_io.dumps({"s": {"b", "a", "c"}})
    with zipfile.ZipFile(io.BytesIO(written)) as archive:
        text = archive.read("schema.json").decode()
    assert text.index('\\"a\\"') < text.index('\\"b\\"') < text.index('\\"c\\"')


def test_files_contain_no_dates_and_no_memory_addresses() -> None:
    with zipfile.ZipFile(io.BytesIO(skops_io.dumps(LogisticRegression().fit(X, Y)))) as archive:
        assert {info.date_time for info in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert "__id__" not in archive.read("schema.json").decode()


def test_a_forest_round_trips(tmp_path: Path) -> None:
    forest = RandomForestClassifier(5, random_state=0).fit(X, Y)
    skops_io.dump(forest, tmp_path / "m.skops")
    loaded = skops_io.load(tmp_path / "m.skops", [TREE])
    assert np.array_equal(loaded.predict_proba(X), forest.predict_proba(X))


def test_text_categories_and_missing_values_round_trip(tmp_path: Path) -> None:
    encoder = OneHotEncoder(handle_unknown="ignore").fit(np.array([["ä"], ["<b>"], [None]], dtype=object))
    skops_io.dump(encoder, tmp_path / "m.skops")
    assert skops_io.load(tmp_path / "m.skops", []).categories_[0].tolist() == ["<b>", "ä", None]


def test_untrusted_types_are_not_loaded(tmp_path: Path) -> None:
    skops_io.dump({"f": json.loads}, tmp_path / "m.skops")
    with pytest.raises(GlassboxError, match="not loaded"):
        skops_io.load(tmp_path / "m.skops", [])


def test_a_tree_with_node_indices_out_of_range_is_rejected() -> None:
    tree = RandomForestClassifier(1, random_state=0).fit(X, Y).estimators_[0].tree_
    _check_tree(tree, Path("m.skops"))
    tree.children_left[0] = 10**6
    with pytest.raises(GlassboxError, match="points outside"):
        _check_tree(tree, Path("m.skops"))


def test_a_folder_without_a_model_is_reported(tmp_path: Path) -> None:
    with pytest.raises(GlassboxError, match=r"no predictor\.json here"):
        load_predictor(tmp_path)


@pytest.mark.parametrize("family", ["crystal_ball", "../evil", "os.path"])
def test_an_unknown_family_is_reported(tmp_path: Path, family: str) -> None:
    (tmp_path / "predictor.json").write_text(json.dumps({"family": family}))
    with pytest.raises(GlassboxError, match="family"):
        load_predictor(tmp_path)


def test_a_newer_format_is_reported(tmp_path: Path) -> None:
    (tmp_path / "predictor.json").write_text(json.dumps({"family": "tabular", "format": 99}))
    with pytest.raises(GlassboxError, match="format is 99"):
        load_predictor(tmp_path)
