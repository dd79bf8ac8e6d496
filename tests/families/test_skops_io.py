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


def test_two_dumps_of_skops_differ_and_ours_do_not() -> None:
    one, two = LogisticRegression().fit(X, Y), LogisticRegression().fit(X, Y)
    assert skops.io.dumps(one) != skops.io.dumps(two)
    assert skops_io.dumps(one) == skops_io.dumps(two)


def test_canonical_form_of_a_canonical_form_is_itself() -> None:
    content = skops_io.dumps(RandomForestClassifier(3, random_state=0).fit(X, Y))
    assert skops_io.canonical(content) == content


def test_other_values_give_other_bytes() -> None:
    assert skops_io.dumps(LogisticRegression(C=1.0)) != skops_io.dumps(LogisticRegression(C=2.0))


def test_what_lies_between_the_fields_of_a_tree_is_gone() -> None:
    kind = np.dtype([("a", "u1"), ("b", "f8")], align=True)
    dirty = np.frombuffer(bytes(range(32)), dtype=kind)
    sink = io.BytesIO()
    np.save(sink, dirty)
    clean = np.load(io.BytesIO(skops_io._without_padding(sink.getvalue())))
    assert clean.tolist() == dirty.tolist()
    assert clean.tobytes()[1:8] == bytes(7)


def test_sets_are_written_in_order() -> None:
    written = skops_io.dumps({"s": {"b", "a", "c"}})
    with zipfile.ZipFile(io.BytesIO(written)) as found:
        text = found.read("schema.json").decode()
    assert text.index('\\"a\\"') < text.index('\\"b\\"') < text.index('\\"c\\"')


def test_dates_and_addresses_are_gone() -> None:
    with zipfile.ZipFile(io.BytesIO(skops_io.dumps(LogisticRegression().fit(X, Y)))) as found:
        assert {info.date_time for info in found.infolist()} == {(1980, 1, 1, 0, 0, 0)}
        assert "__id__" not in found.read("schema.json").decode()


def test_round_trip_of_a_forest(tmp_path: Path) -> None:
    forest = RandomForestClassifier(5, random_state=0).fit(X, Y)
    skops_io.dump(forest, tmp_path / "m.skops")
    again = skops_io.load(tmp_path / "m.skops", [TREE])
    assert np.array_equal(again.predict_proba(X), forest.predict_proba(X))


def test_round_trip_of_text_and_gaps(tmp_path: Path) -> None:
    encoder = OneHotEncoder(handle_unknown="ignore").fit(np.array([["ä"], ["<b>"], [None]], dtype=object))
    skops_io.dump(encoder, tmp_path / "m.skops")
    assert skops_io.load(tmp_path / "m.skops", []).categories_[0].tolist() == ["<b>", "ä", None]


def test_types_that_are_not_trusted_are_not_opened(tmp_path: Path) -> None:
    skops_io.dump({"f": json.loads}, tmp_path / "m.skops")
    with pytest.raises(GlassboxError, match="not loaded"):
        skops_io.load(tmp_path / "m.skops", [])


def test_tree_that_points_outside_of_itself_is_refused() -> None:
    tree = RandomForestClassifier(1, random_state=0).fit(X, Y).estimators_[0].tree_
    _check_tree(tree, Path("m.skops"))
    tree.children_left[0] = 10**6
    with pytest.raises(GlassboxError, match="points outside"):
        _check_tree(tree, Path("m.skops"))


def test_folder_without_a_model_is_said(tmp_path: Path) -> None:
    with pytest.raises(GlassboxError, match=r"no predictor\.json here"):
        load_predictor(tmp_path)


@pytest.mark.parametrize("family", ["crystal_ball", "../evil", "os.path"])
def test_family_that_is_not_known_is_said(tmp_path: Path, family: str) -> None:
    (tmp_path / "predictor.json").write_text(json.dumps({"family": family}))
    with pytest.raises(GlassboxError, match="family"):
        load_predictor(tmp_path)


def test_newer_format_is_said(tmp_path: Path) -> None:
    (tmp_path / "predictor.json").write_text(json.dumps({"family": "tabular", "format": 99}))
    with pytest.raises(GlassboxError, match="format is 99"):
        load_predictor(tmp_path)
