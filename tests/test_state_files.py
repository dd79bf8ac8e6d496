"""Tests of state files: a damaged one counts as missing and is moved aside."""

import json
import logging
from pathlib import Path

import pytest

from glassbox.errors import StoreError
from glassbox.files import UNFINISHED, disk_error_in, is_abandoned, write_text
from glassbox.state_files import RunFile, read_state, write_state

CONTENT = {"id": "a", "hashes": {"data": None}, "stages": {"ingest": {"status": "ran"}}}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    write_state(tmp_path / "runs" / "a.json", CONTENT)
    return tmp_path / "runs" / "a.json"


def test_a_state_file_is_read_as_it_was_written(path: Path) -> None:
    assert read_state(path, RunFile) == CONTENT
    assert len(json.loads(path.read_text())["checksum"]) == 64


def test_a_missing_file_is_not_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    assert read_state(tmp_path / "none.json") is None
    assert caplog.text == ""


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "",
        lambda text: "{",
        lambda text: "[]",
        lambda text: "null",
        lambda text: text[: len(text) // 2],
        lambda text: text.replace("ingest", "inqest"),
        lambda text: text.replace("checksum", "cheksum"),
        lambda text: "[" * 100_000,
        lambda text: b"\xff\xfe",
    ],
)
def test_a_damaged_file_is_moved_aside_and_reported(path: Path, damage: object, caplog: pytest.LogCaptureFixture) -> None:
    content = damage(path.read_text())  # type: ignore[operator]
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with caplog.at_level(logging.WARNING):
        assert read_state(path) is None
    assert caplog.messages[0].endswith(
        "a.json is damaged, or from an earlier version, and is ignored; it was moved to a.json.damaged."
    )
    assert [file.name for file in path.parent.iterdir()] == ["a.json.damaged"]
    write_state(path, CONTENT)
    assert read_state(path) == CONTENT


def test_a_file_of_another_shape_counts_as_damaged(path: Path) -> None:
    write_state(path, {"id": "a", "stages": []})
    assert read_state(path, RunFile) is None


def test_a_folder_in_the_place_of_the_file_is_moved_aside(path: Path) -> None:
    for _ in range(2):
        path.unlink()
        (path / "inner").mkdir(parents=True)
        assert read_state(path) is None
        write_state(path, CONTENT)
        assert read_state(path) == CONTENT


def test_a_file_in_the_place_of_a_parent_folder_is_moved_aside(path: Path) -> None:
    path.unlink()
    path.parent.rmdir()
    path.parent.write_text("not a folder")
    assert read_state(path) is None
    write_state(path, CONTENT)
    assert read_state(path) == CONTENT
    assert path.parent.with_name("runs.damaged").read_text() == "not a folder"


def test_a_write_to_a_full_disk_names_the_file_and_leaves_nothing(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(StoreError, match=r"a\.json: the disk is full: free some space, then run again"):
        write_text(path, "other")
    assert [file.name for file in path.parent.iterdir()] == ["a.json"]
    assert read_state(path) == CONTENT


def test_disk_errors_in_the_texts_of_libraries_are_recognised() -> None:
    assert "disk is full" in str(disk_error_in("Error while serializing: I/O error: No space left on device (os error 28)"))
    assert str(disk_error_in("[Errno 28] No space left on device: 'model/w.bin'")).startswith("model/w.bin: the disk is full")
    assert "disk is full" in str(disk_error_in("(sqlite3.OperationalError) database or disk is full"))
    assert disk_error_in("ValueError: a column is full") is None
    assert disk_error_in("") is None


def test_only_files_of_ended_processes_are_abandoned() -> None:
    import os

    assert is_abandoned(Path(f".a.json.{2**22 + 1}-x1_{UNFINISHED}"))
    assert not is_abandoned(Path(f".a.json.{os.getpid()}-x1_{UNFINISHED}"))
    assert not is_abandoned(Path(".mine.tmp"))
