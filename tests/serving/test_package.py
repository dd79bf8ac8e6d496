"""Tests of model packages: their content, and the verification against the manifest."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from glassbox.data.schema import Schema
from glassbox.errors import GlassboxError, PackageError
from glassbox.files import files_below, hash_file, hash_tree, read_json
from glassbox.serving import container
from glassbox.serving.build import build_package
from glassbox.serving.package import read_package, verify

REQUEST = {"name": "churn", "task": "classification", "problem": "Who leaves?", "target": "churned"}
REFUSAL = r"^The package \S+ is damaged: "


@pytest.fixture
def copy(package: Path, tmp_path: Path) -> Path:
    return shutil.copytree(package, tmp_path / "copy")


def test_the_packaged_model_is_the_evaluated_model_byte_for_byte(package: Path, model: Path) -> None:
    assert hash_tree(package / "model") == hash_tree(model) == read_json(package / "manifest.json")["model"]


def test_the_manifest_contains_the_hash_of_every_other_file(package: Path) -> None:
    hashes = {name: hash_file(path) for name, path in files_below(package) if name != "manifest.json"}
    assert read_json(package / "manifest.json")["files"] == hashes


def test_the_same_arguments_give_the_same_bytes(package: Path, model: Path, schema: Schema, lock: Path, tmp_path: Path) -> None:
    again = build_package(tmp_path / "again", model, schema, REQUEST, lock)
    assert hash_tree(again) == hash_tree(package)


def test_another_model_gives_another_version(
    package: Path, schema: Schema, lock: Path, save_model: Callable[[Path, float], Path], tmp_path: Path
) -> None:
    other = build_package(tmp_path / "other", save_model(tmp_path / "model", 2), schema, REQUEST, lock)
    assert read_package(other).version != read_package(package).version


def test_reading_a_package_gives_schema_request_and_model(package: Path, served: Schema, model: Path) -> None:
    opened = read_package(package)
    assert (opened.name, opened.schema, opened.request, opened.model) == ("churn", served, REQUEST, hash_tree(model))
    assert opened.same_code


@pytest.mark.parametrize(
    "name",
    ["model/model.txt", "model/transformer.skops", "schema.json", "Dockerfile", "code/glassbox/serving/request_parsing.py"],
)
def test_a_changed_file_is_named_and_nothing_is_loaded(copy: Path, name: str) -> None:
    with (copy / name).open("ab") as stream:
        stream.write(b" ")
    with pytest.raises(GlassboxError, match=f"{re.escape(name)} has changed"):
        read_package(copy)


def test_a_missing_file_is_named(copy: Path) -> None:
    (copy / "schema.json").unlink()
    with pytest.raises(GlassboxError, match=r"schema\.json is missing"):
        read_package(copy)


def test_an_unlisted_file_is_named(copy: Path) -> None:
    (copy / "model" / "more.txt").write_text("")
    with pytest.raises(GlassboxError, match=r"model/more\.txt is not in the manifest"):
        read_package(copy)


def test_a_file_beside_that_is_never_loaded_does_no_harm(copy: Path) -> None:
    (copy / "findings.json").write_text("[]")
    assert verify(copy)


def test_bytecode_in_the_code_folder_is_ignored(copy: Path) -> None:
    (copy / "code" / "glassbox" / "__pycache__").mkdir()
    (copy / "code" / "glassbox" / "__pycache__" / "files.cpython-311.pyc").write_bytes(b"")
    assert verify(copy)


def test_a_manifest_of_another_model_is_rejected(copy: Path) -> None:
    manifest = read_json(copy / "manifest.json")
    (copy / "manifest.json").write_text(json.dumps({**manifest, "model": "0" * 64}))
    with pytest.raises(GlassboxError, match="does not match the model hash of the manifest"):
        read_package(copy)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 100_000,
        '{"format": 99, "files": {}}',
        '{"format": 1, "files": {}}',
        '{"format": 1, "name": "a", "model": "b", "files": []}',
        '{"format": 1, "name": "a", "model": "b", "files": {"schema.json": 1}}',
        '{"format": 1, "name": [], "model": "b", "files": {}}',
    ],
)
def test_an_invalid_manifest_is_rejected_with_a_message(copy: Path, text: str) -> None:
    (copy / "manifest.json").write_text(text)
    with pytest.raises(PackageError, match=REFUSAL + r"manifest\.json is not a manifest of format 1\. Run"):
        read_package(copy)


def test_a_folder_in_the_place_of_the_manifest_is_rejected_with_a_message(copy: Path) -> None:
    (copy / "manifest.json").unlink()
    (copy / "manifest.json").mkdir()
    with pytest.raises(PackageError, match=REFUSAL):
        read_package(copy)


@pytest.mark.parametrize("name", ["model/more", "code/glassbox/more", "more", "model/model.txt", "manifest.json"])
@pytest.mark.parametrize("folder", [True, False])
def test_links_are_refused(copy: Path, tmp_path: Path, name: str, folder: bool) -> None:
    target = tmp_path / "elsewhere"
    target.mkdir()
    (target / "file").write_bytes((copy / name).read_bytes() if (copy / name).is_file() else b"")
    (copy / name).unlink(missing_ok=True)
    (copy / name).symlink_to(target if folder else target / "file")
    with pytest.raises(PackageError, match=rf"{name} is a link"):
        read_package(copy)


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"a": 1}', b"null", b"PK\x03\x04", b"\xff"])
@pytest.mark.parametrize(
    "name", ["schema.json", "request.json", "model/predictor.json", "model/transformer.skops", "model/model.txt"]
)
def test_every_damage_with_a_matching_manifest_is_refused_in_one_sentence(copy: Path, name: str, content: bytes) -> None:
    (copy / name).write_bytes(content)
    manifest = read_json(copy / "manifest.json")
    manifest["files"][name], manifest["model"] = hash_file(copy / name), hash_tree(copy / "model")
    (copy / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(PackageError, match=REFUSAL + r"(model|schema\.json|request\.json) cannot be loaded: .*\. Run the stage"):
        read_package(copy)


def test_a_folder_without_a_manifest_is_rejected_with_a_message(tmp_path: Path) -> None:
    with pytest.raises(GlassboxError, match="is not a package"):
        read_package(tmp_path)


def test_a_difference_from_the_packaged_code_is_detected(copy: Path) -> None:
    path = copy / "code" / "glassbox" / "serving" / "request_parsing.py"
    path.write_text(path.read_text() + "MAX_ROWS = 7\n")
    manifest = read_json(copy / "manifest.json")
    manifest["files"]["code/glassbox/serving/request_parsing.py"] = hash_file(path)
    (copy / "manifest.json").write_text(json.dumps(manifest))
    assert not read_package(copy).same_code


def test_a_model_of_another_schema_is_not_packaged(model: Path, schema: Schema, lock: Path, tmp_path: Path) -> None:
    other = schema.model_copy(update={"columns": schema.columns[1:]})
    with pytest.raises(GlassboxError, match="another schema"):
        build_package(tmp_path, model, other, REQUEST, lock)


def test_a_package_is_not_written_to_a_non_empty_folder(model: Path, schema: Schema, lock: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep")
    with pytest.raises(GlassboxError, match="not empty"):
        build_package(tmp_path, model, schema, REQUEST, lock)


def test_every_library_is_pinned_with_a_hash(package: Path) -> None:
    text = (package / "requirements.txt").read_text()
    pins = re.findall(r"^([a-z0-9-]+)==\S+ \\\n    --hash=sha256:[0-9a-f]{64}", text, re.M)
    assert {"fastapi", "uvicorn", "pandas", "numpy"} <= set(pins)
    assert len(pins) == text.count("==")
    assert not {"mlflow", "dvc", "ploomber", "jupyterlab"} & set(pins)


def test_the_container_runs_without_root_and_has_a_health_check(package: Path) -> None:
    lines = (package / "Dockerfile").read_text().splitlines()
    assert lines[0] == "FROM python:3.11-slim"
    assert [line for line in lines if line.startswith("USER")] == ["USER 10001"]
    assert lines.index("USER 10001") < next(i for i, line in enumerate(lines) if line.startswith("CMD"))
    assert any(line.startswith("HEALTHCHECK") for line in lines)
    assert "EXPOSE 8000" in lines
    assert "--require-hashes" in (package / "Dockerfile").read_text()


def test_the_container_installs_system_libraries_only_if_a_wheel_needs_them() -> None:
    assert "libgomp1" in container.dockerfile({"lightgbm": "4"})
    assert "apt-get" not in container.dockerfile({"numpy": "2"})


def test_the_readme_shows_a_request_with_the_example(package: Path) -> None:
    text = (package / "README.md").read_text()
    assert "--data @example.json" in text
    assert (package / "example.json").read_text().strip() in text


def test_the_package_contains_no_local_paths(package: Path, model: Path) -> None:
    here = str(Path.home()), str(model), str(Path(__file__).parents[2])
    for name, path in files_below(package):
        assert not [p for p in here if p in path.read_text(encoding="utf-8", errors="replace")], name
