"""Models that were trained elsewhere: where they are, and by which hash they are known."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from glassbox.data import weights
from glassbox.errors import DataError, GlassboxError
from glassbox.files import hash_tree
from glassbox.request.model import Data, Request, Weights


def request(**named: Any) -> Request:
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


def test_torchvisions_weights_are_asked_for_by_name_and_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def answer(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        Path(command[-1]).mkdir(parents=True)
        (Path(command[-1]) / "squeezenet1_1-b8a52dc0.pth").write_bytes(b"weights")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(weights.subprocess, "run", answer)
    named = request(backbones=["torchvision:squeezenet1_1"])
    assert weights.weights_fingerprint(named, tmp_path) == {"backbone 0": "torchvision:squeezenet1_1"}
    assert asked == []
    for _ in range(2):
        folder = weights.locate("torchvision:squeezenet1_1", tmp_path)
        assert folder == tmp_path / "data/raw/torchvision/squeezenet1_1"
    assert [path.name for path in folder.iterdir()] == ["squeezenet1_1-b8a52dc0.pth"]
    assert [path.name for path in folder.parent.iterdir()] == ["squeezenet1_1"]
    assert [command[-2] for command in asked] == ["squeezenet1_1"]
    assert weights.weights_fingerprint(named, tmp_path) == {"backbone 0": hash_tree(folder)}


def test_a_network_that_torchvision_has_not_gets_the_nearest_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights.subprocess, "run", lambda *_, **__: pytest.fail("asked"))
    with pytest.raises(DataError, match=r"torchvision has no network 'mobilnet_v2'; nearest: mobilenet_v2"):
        weights.locate("torchvision:mobilnet_v2", tmp_path)
    for odd in ("", "../../etc", "weights; import os"):
        with pytest.raises(DataError, match="torchvision has no network"):
            weights.locate(f"torchvision:{odd}", tmp_path)


def test_torchvision_that_cannot_be_reached_leaves_nothing_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nobody is there
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(GlassboxError) as caught:
        weights.locate("torchvision:squeezenet1_1", tmp_path)
    first, second = str(caught.value).splitlines()
    assert first.startswith("weights: squeezenet1_1 cannot be had from torchvision: urllib.error.URLError: ")
    assert second == (
        "By hand: put the file of its weights, under the name that torchvision gives it, into a folder at "
        "data/raw/torchvision/squeezenet1_1, or name one as a path."
    )
    assert not (tmp_path / "data/raw/torchvision/squeezenet1_1").exists()


IMPOSTOR = """
import email.message, io, urllib.request

class Answer(io.BytesIO):
    def info(self):
        return email.message.Message()

def urlopen(asked, *_, **__):
    print(asked.full_url)
    return Answer(b"not what was published")

urllib.request.urlopen = urlopen
"""


def test_weights_with_another_hash_than_their_name_are_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net/sitecustomize.py").write_text(IMPOSTOR)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "net"))
    with pytest.raises(GlassboxError, match=r'invalid hash value \(expected "b8a52dc0"'):
        weights.locate("torchvision:squeezenet1_1", tmp_path)
    assert not list(tmp_path.rglob("*.pth"))
