"""Locating pretrained weights, and the hashes that identify them."""

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


def test_a_folder_is_identified_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "model").mkdir()
    (tmp_path / "model/a.json").write_text("1")
    assert weights.locate("model", tmp_path) == tmp_path / "model"
    before = weights.weights_fingerprint(request(encoder="model"), tmp_path)
    assert before == {"encoder": hash_tree(tmp_path / "model")}
    (tmp_path / "model/a.json").write_text("2")
    assert weights.weights_fingerprint(request(encoder="model"), tmp_path) != before
    assert weights.weights_fingerprint(request(), tmp_path) == {}


def test_an_absent_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no folder 'modle'"):
        weights.locate("modle", tmp_path)


def test_catalogue_entries_are_identified_without_a_download() -> None:
    root = Path(__file__).parents[2]
    fingerprints = weights.weights_fingerprint(request(encoder="catalog:minilm", pipeline="catalog:spacy_small_en"), root)
    assert len(fingerprints["encoder"]) == len(fingerprints["pipeline"]) == 64
    assert fingerprints["encoder"] != fingerprints["pipeline"]


def test_a_hub_model_is_downloaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []

    def download(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        assert "HF_HUB_OFFLINE" not in options["env"]  # type: ignore[operator]
        assert options["env"]["HF_HUB_DISABLE_TELEMETRY"] == "1"  # type: ignore[index]
        Path(command[-1]).mkdir(parents=True)
        (Path(command[-1]) / "config.json").write_text("{}")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr(weights.subprocess, "run", download)
    for _ in range(2):
        assert weights.locate("hub:group/model", tmp_path) == tmp_path / "data/raw/hub/group--model"
    assert len(commands) == 1
    assert commands[0][-2] == "group/model"


def test_a_failed_hub_download_leaves_no_files_and_reports_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = subprocess.CompletedProcess([], 1, "", "x\nConnectionError: no route\n")
    monkeypatch.setattr(weights.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(GlassboxError, match=r"no route\nWithout a network: put the model's folder at data/raw/hub/group--model"):
        weights.locate("hub:group/model", tmp_path)
    assert not (tmp_path / "data/raw/hub/group--model").exists()


def test_torchvision_weights_are_downloaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    commands: list[list[str]] = []

    def download(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        Path(command[-1]).mkdir(parents=True)
        (Path(command[-1]) / "squeezenet1_1-b8a52dc0.pth").write_bytes(b"weights")
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(weights.subprocess, "run", download)
    named = request(backbones=["torchvision:squeezenet1_1"])
    assert weights.weights_fingerprint(named, tmp_path) == {"backbone 0": "torchvision:squeezenet1_1"}
    assert commands == []
    for _ in range(2):
        folder = weights.locate("torchvision:squeezenet1_1", tmp_path)
        assert folder == tmp_path / "data/raw/torchvision/squeezenet1_1"
    assert [path.name for path in folder.iterdir()] == ["squeezenet1_1-b8a52dc0.pth"]
    assert [path.name for path in folder.parent.iterdir()] == ["squeezenet1_1"]
    assert [command[-2] for command in commands] == ["squeezenet1_1"]
    assert weights.weights_fingerprint(named, tmp_path) == {"backbone 0": hash_tree(folder)}


def test_an_unknown_torchvision_network_is_rejected_with_the_nearest_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(weights.subprocess, "run", lambda *_, **__: pytest.fail("a download was started"))
    with pytest.raises(DataError, match=r"torchvision has no network 'mobilnet_v2'; nearest: mobilenet_v2"):
        weights.locate("torchvision:mobilnet_v2", tmp_path)
    for odd in ("", "../../etc", "weights; import os"):
        with pytest.raises(DataError, match="torchvision has no network"):
            weights.locate(f"torchvision:{odd}", tmp_path)


def test_a_failed_torchvision_download_leaves_no_files_and_reports_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")  # nothing listens on this port
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(GlassboxError) as caught:
        weights.locate("torchvision:squeezenet1_1", tmp_path)
    first, second = str(caught.value).splitlines()
    assert first.startswith("weights: squeezenet1_1 could not be downloaded from torchvision: urllib.error.URLError: ")
    assert second == (
        "Without a network: put the weights file, with its name from torchvision, into a folder at "
        "data/raw/torchvision/squeezenet1_1, or give the path of a folder."
    )
    assert not (tmp_path / "data/raw/torchvision/squeezenet1_1").exists()


IMPOSTOR = """
import email.message, io, urllib.request

class Answer(io.BytesIO):
    def info(self):
        return email.message.Message()

def urlopen(request, *_, **__):
    print(request.full_url)
    return Answer(b"not what was published")

urllib.request.urlopen = urlopen
"""


def test_weights_with_a_wrong_hash_are_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net/sitecustomize.py").write_text(IMPOSTOR)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "net"))
    with pytest.raises(GlassboxError, match=r'invalid hash value \(expected "b8a52dc0"'):
        weights.locate("torchvision:squeezenet1_1", tmp_path)
    assert not list(tmp_path.rglob("*.pth"))


def test_a_model_name_cannot_leave_the_folder_of_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights.subprocess, "run", lambda *_, **__: pytest.fail("a download was started"))
    with pytest.raises(DataError, match="is not the name of a model"):
        weights.locate("hub:..", tmp_path)
