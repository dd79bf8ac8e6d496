"""Models that were trained elsewhere: where they are, and by which hash they are known."""

import subprocess
from pathlib import Path

import pytest

from glassbox.data import weights
from glassbox.errors import DataError, GlassboxError
from glassbox.files import hash_tree
from glassbox.request import Data, Request, Weights


def request(**named: str) -> Request:
    return Request(name="a", task="nlp", data=Data(path="x", target="y"), weights=Weights(**named))


def test_a_folder_is_known_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model/a.json").write_text("1")
    assert weights.locate("model", tmp_path) == tmp_path / "model"
    before = weights.weights_fingerprint(request(encoder="model"), tmp_path)
    assert before == {"encoder": hash_tree(tmp_path / "model")}
    (tmp_path / "model/a.json").write_text("2")
    assert weights.weights_fingerprint(request(encoder="model"), tmp_path) != before
    assert weights.weights_fingerprint(request(), tmp_path) == {}


def test_a_folder_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no folder 'modle'"):
        weights.locate("modle", tmp_path)


def test_the_catalogue_is_known_without_being_fetched() -> None:
    root = Path(__file__).parents[2]
    found = weights.weights_fingerprint(request(encoder="catalog:minilm", pipeline="catalog:spacy_small_en"), root)
    assert len(found["encoder"]) == len(found["pipeline"]) == 64
    assert found["encoder"] != found["pipeline"]


def test_a_hub_is_asked_only_by_name_and_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def answer(command: list[str], **how: object) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        assert "HF_HUB_OFFLINE" not in how["env"]  # type: ignore[operator]
        assert how["env"]["HF_HUB_DISABLE_TELEMETRY"] == "1"  # type: ignore[index]
        Path(command[-1]).mkdir(parents=True)
        (Path(command[-1]) / "config.json").write_text("{}")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(weights.subprocess, "run", answer)
    for _ in range(2):
        assert weights.locate("hub:group/model", tmp_path) == tmp_path / "data/raw/hub/group--model"
    assert len(asked) == 1
    assert asked[0][-2] == "group/model"


def test_a_hub_that_cannot_be_reached_leaves_nothing_and_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = subprocess.CompletedProcess([], 1, "", "x\nConnectionError: no route\n")
    monkeypatch.setattr(weights.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(GlassboxError, match=r"no route\nBy hand: put the model's folder at data/raw/hub/group--model"):
        weights.locate("hub:group/model", tmp_path)
    assert not (tmp_path / "data/raw/hub/group--model").exists()
