"""Tests of the stage API of notebooks."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from glassbox.errors import GlassboxError, StageError
from glassbox.files import read_json, write_parquet
from glassbox.findings.model import Facts
from glassbox.request.model import Data, Request
from glassbox.runtime.stage import Stage
from glassbox.state_files import read_state, write_state

FACTS = Facts(title="Rows", facts={"rows": 1})


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    request = Request(name="toy", task="classification", data=Data(path="x.csv", target="y"))
    write_state(tmp_path / "data/toy/request.json", request.resolved())
    write_parquet(tmp_path / "data/toy/ingest/train.parquet", pd.DataFrame({"x": [1.0]}))
    write_parquet(tmp_path / "data/toy/ingest/holdout.parquet", pd.DataFrame({"x": [2.0]}))
    (tmp_path / "requirements.lock").write_text("nothing==1\n")
    monkeypatch.setenv("GLASSBOX_ROOT", str(tmp_path))
    monkeypatch.delenv("GLASSBOX_REQUEST", raising=False)
    return tmp_path


def _run(root: Path, monkeypatch: pytest.MonkeyPatch, name: str = "explore", **products: str) -> Stage:
    monkeypatch.setenv("GLASSBOX_SCRATCH", str(root / "scratch"))
    inputs = {"ingest": {"train": "data/toy/ingest/train.parquet"}}
    return Stage.open(name, "toy", inputs, {"findings": "data/toy/explore/findings.json", **products})


def test_an_interactive_stage_reads_the_last_run_and_writes_to_scratch(root: Path) -> None:
    stage = Stage.open("explore", "toy", {"ingest": ["train"]}, None)
    assert stage.load("train").x.tolist() == [1.0]
    stage.save(recipe={"a": 1})
    assert read_json(root / "data/.scratch/toy/explore/recipe.json") == {"a": 1}
    assert not (root / "data/toy/explore").exists()


def test_the_environment_overrides_the_request_of_an_interactive_stage(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLASSBOX_REQUEST", "other")
    with pytest.raises(GlassboxError, match="'other' has not been run yet"):
        Stage.open("explore", "toy", {}, None)


def test_an_interactive_stage_other_than_evaluate_cannot_read_the_holdout(root: Path) -> None:
    with pytest.raises(StageError, match=r"explore: cannot read ingest\.holdout; only evaluate may read it"):
        Stage.open("explore", "toy", {"ingest": ["holdout"]}, None)


def test_every_read_of_the_holdout_is_counted(root: Path) -> None:
    for times in (1, 2):
        stage = Stage.open("evaluate", "toy", {"ingest": ["holdout"]}, None)
        stage.load("holdout")
        assert stage.holdout_reads == times


def test_a_damaged_record_of_a_holdout_read_still_counts(root: Path) -> None:
    stage = Stage.open("evaluate", "toy", {"ingest": ["holdout"]}, None)
    stage.load("holdout")
    [record] = (root / "data/.store/holdout_reads").glob("*/*")
    record.write_text("{")
    stage.load("holdout")
    assert stage.holdout_reads == 2


def test_a_damaged_request_of_the_last_run_counts_as_missing(root: Path) -> None:
    (root / "data/toy/request.json").write_text("{")
    with pytest.raises(GlassboxError, match="'toy' has not been run yet"):
        Stage.open("explore", "toy", {}, None)


def test_only_declared_inputs_can_be_loaded(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(StageError, match=r"schema is not declared in `upstream`. Declared: ingest.train"):
        _run(root, monkeypatch).load("schema")


def test_saved_products_must_match_the_pipeline(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = _run(root, monkeypatch, recipe="data/toy/explore/recipe.json")
    with pytest.raises(StageError, match=r"missing: \['recipe'\], not declared: \['recipes'\]"):
        stage.save(recipes={})


def test_the_name_of_a_finding_is_unique(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = _run(root, monkeypatch)
    stage.show("rows", FACTS)
    with pytest.raises(StageError, match=r"show\('rows'\) is called twice"):
        stage.show("rows", FACTS, measured=True)


def test_measured_findings_are_stored_separately(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = _run(root, monkeypatch)
    stage.show("rows", FACTS)
    stage.show("seconds", FACTS, measured=True)
    stage.save()
    assert [item["name"] for item in read_json(root / "scratch/findings.json")] == ["rows"]
    assert [item["name"] for item in read_json(root / "scratch/measured.json")] == ["seconds"]


def test_exactly_the_fields_that_were_read_are_tracked(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stage = _run(root, monkeypatch)
    assert (stage.request.seed, stage.request.data.target) == (42, "y")
    stage.save()
    assert read_json(root / "scratch/.trace.json")["reads"] == {"data.target": "y", "seed": 42}


def test_a_stage_cannot_change_its_request(root: Path) -> None:
    stage = Stage.open("explore", "toy", {}, None)
    with pytest.raises(AttributeError, match="edit the request file"):
        stage.request.seed = 7


def test_the_cache_is_shared_by_stages_and_restores_arrays(root: Path) -> None:
    calls: list[int] = []

    def compute() -> dict[str, object]:
        calls.append(1)
        return {"scores": np.array([[0.1, 0.2]]), "name": "a"}

    for name in ("explore", "explore", "evaluate"):
        result = Stage.open(name, "toy", {}, None).cache.get_or_compute({"fold": 1}, compute)
        assert result["scores"].tolist() == [[0.1, 0.2]]
    assert len(calls) == 1


def test_changed_code_invalidates_the_cache(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []
    cache = Stage.open("explore", "toy", {}, None).cache
    cache.get_or_compute({"fold": 1}, lambda: {"n": calls.append(1)}, code=["glassbox.files"])
    monkeypatch.setattr("glassbox.runtime.result_cache.code_closure", lambda _: {"glassbox.files": "other"})
    cache.get_or_compute({"fold": 1}, lambda: {"n": calls.append(1)}, code=["glassbox.files"])
    assert len(calls) == 2


def test_a_corrupt_cache_entry_is_computed_again(root: Path) -> None:
    cache = Stage.open("explore", "toy", {}, None).cache
    cache.get_or_compute({"fold": 1}, lambda: {"n": 1})
    (file,) = (root / "data/.store/cache").glob("*/*.json")
    file.write_text(file.read_text().replace("1}", "9}").replace('\\"n\\":1', '\\"n\\":9'))
    assert cache.get_or_compute({"fold": 1}, lambda: {"n": 1}) == {"n": 1}


def test_the_number_of_parallel_fits_follows_the_thread_count(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLASSBOX_WORKERS", "3")
    assert _run(root, monkeypatch).workers == 3
    path = root / "data/toy/request.json"
    write_state(path, {**(read_state(path) or {}), "threads": 2})
    assert _run(root, monkeypatch).workers == 1
