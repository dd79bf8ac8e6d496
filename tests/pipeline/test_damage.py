"""Tests of damaged state files and of processes that share a store: no error, and the same products."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from glassbox.code_hash import HASHES
from glassbox.files import files_below, hash_file
from glassbox.pipeline import store
from glassbox.pipeline.history import runs
from glassbox.pipeline.run import last_seconds, stage_states
from toy_project import Project, statuses


def _products(root: Path) -> dict[str, str]:
    skipped = ("measured.json", "run.json", ".manifest.json", ".damaged")
    return {
        name: hash_file(path)
        for name, path in files_below(root / "data" / "toy")
        if not name.endswith(skipped) and not name.startswith("runs/") and ".damaged/" not in name
    }


def _replace_by_folder(path: Path) -> None:
    path.unlink()
    (path / "inner").mkdir(parents=True)


def _written(change: Callable[[str], str]) -> Callable[[Path], object]:
    return lambda path: path.write_text(change(path.read_text()))


DAMAGES = {
    "cut short": _written(lambda text: text[: len(text) // 2]),
    "brace": _written(lambda text: "{"),
    "wrong type": _written(lambda text: "[1]"),
    "flipped letter": _written(lambda text: text.replace('"', '"x', 1)),
    "emptied": _written(lambda text: ""),
    "folder": _replace_by_folder,
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_state_files_are_rebuilt(project: Project, damage: str) -> None:
    root, expected = project.root, _products(project.root)
    store = root / "data/.store"
    kinds = ("cells/*.json", "published/toy/*.json", "code.json", "holdout_reads/*/*.json")
    files = [path for kind in kinds for path in store.glob(kind)]
    files += [*root.glob("data/toy/*/.manifest.json"), *root.glob("data/toy/**/*run*.json"), root / "data/toy/request.json"]
    files += root.glob("data/toy/runs/*.json")
    files = sorted(set(files))
    assert len({path.parent for path in files}) >= 9
    for path in files:
        DAMAGES[damage](path)
    stage_states(root, project.request)
    last_seconds(root, "toy")
    assert set(statuses(project.run()).values()) == {"cached"}
    assert _products(root) == expected
    assert len(runs(root, "toy")) == 1
    record, manifest = min(store.glob("records/*/*.json")), min(store.glob("stages/*/.manifest.json"))
    for path in (record, manifest):
        DAMAGES[damage](path)
    stage_states(root, project.request)
    assert "ran" in statuses(project.run()).values()
    assert _products(root) == expected


def test_files_in_the_place_of_folders_are_moved_aside(project: Project) -> None:
    expected = _products(project.root)
    folders = [path for path in (project.root / "data/.store").iterdir() if path.is_dir()]
    assert {"stages", "records", "cells", "locks", "logs"} <= {path.name for path in folders}
    for folder in [*folders, project.root / "data/toy/runs", project.root / "data/toy/features"]:
        shutil.rmtree(folder)
        folder.write_text("not a folder")
    stage_states(project.root, project.request)
    project.run()
    assert _products(project.root) == expected


def test_every_field_of_a_manifest_is_verified(project: Project) -> None:
    path = min((project.root / "data/.store/stages").glob("*/.manifest.json"))
    path.write_text(path.read_text().replace('"platform"', '"platforn"'))
    assert list(statuses(project.run()).values()).count("ran") == 1


def test_an_additional_file_in_an_entry_is_not_copied_into_the_view(project: Project) -> None:
    entry = next((project.root / "data/.store/stages").glob("*/recipe.json")).parent
    (entry / "more.txt").write_text("")
    project.run()
    assert not (project.root / "data/toy/features/more.txt").exists()


@pytest.mark.parametrize("link", [False, True])
def test_an_additional_file_in_a_view_is_removed(project: Project, link: bool) -> None:
    more = project.root / "data/toy/features/more"
    more.symlink_to(project.root / "notebooks") if link else more.write_text("")
    assert statuses(project.run())["features"] == "cached"
    assert not more.exists()
    assert (project.root / "notebooks").is_dir()


SHARE = """
import shutil, sys
from pathlib import Path
from glassbox.pipeline.store import Store
root, facts = Path(sys.argv[1]), {"stage": "features", "family": "f", "cells": [], "inputs": {}, "source": {}, "lock": "", "platform": {}}
store = Store(root)
for number in range(100):
    scratch = store.scratch("toy")
    for name in ("a.json", "measured.json"):
        (scratch / name).write_text("{}")
    entry = store.publish(scratch, {**facts, "products": ["a"]}, {"reads": {}, "modules": {}}, ["a"])
    shutil.rmtree(scratch, ignore_errors=True)
    if number % 5 == 0 and sys.argv[2] == "0":
        (root / "data/toy/features/extra").mkdir(parents=True, exist_ok=True)
        (root / "data/toy/features/extra/x").write_text("")
    store.view(entry, root / "data/toy/features", {"a": "data/toy/features/a.json"})
    assert store.entry(entry.key) is not None
"""


def test_two_processes_publish_and_view_one_entry(tmp_path: Path) -> None:
    commands = [[sys.executable, "-c", SHARE, str(tmp_path), str(number)] for number in range(2)]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for command in commands]
    assert [(process.communicate()[1], process.returncode) for process in processes] == [("", 0), ("", 0)]
    assert sorted(os.listdir(tmp_path / "data/toy/features")) == [".manifest.json", "a.json", "measured.json"]
    assert os.listdir(tmp_path / "data/toy") == ["features"]
    assert os.listdir(tmp_path / "data/.store/tmp") == []


def test_a_view_that_another_process_removes_while_it_is_compared_is_written_again(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = project.root / "data/toy/features"

    def removed_first(path: Path) -> str:
        if path.is_relative_to(view):
            shutil.rmtree(view)
        return hash_file(path)

    expected = dict(files_below(view))
    monkeypatch.setattr(store, "hash_file", removed_first)
    assert statuses(project.run())["features"] == "cached"
    assert dict(files_below(view)) == expected


def test_damaged_hashes_of_code_are_computed_again(tmp_path: Path) -> None:
    (tmp_path / "code.json").write_text('{"a": 1}')
    HASHES.read(tmp_path / "code.json")
    assert (tmp_path / "code.json.damaged").is_file()
