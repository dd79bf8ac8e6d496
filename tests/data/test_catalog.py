"""The data catalogue: files are fetched from packages, verified, and never installed."""

import hashlib
import io
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from pydantic import ValidationError

from glassbox.data import catalog, synthetic_scenes
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
    """A package index that serves one wheel; returns the commands that were run."""
    commands: list[list[str]] = []

    def download(command, **_):
        commands.append(command)
        folder = Path(command[command.index("-d") + 1])
        (folder / wheel.name).write_bytes(wheel.read_bytes())
        return subprocess.CompletedProcess(command, 0, "", "")

    monkeypatch.setattr(catalog.subprocess, "run", download)
    return commands


def test_one_file_is_extracted_from_the_wheel(entry, index, tmp_path):
    [path] = catalog.fetch(entry, tmp_path)
    assert path.relative_to(tmp_path).as_posix() == "data/raw/toy/table.csv"
    assert path.read_bytes() == CONTENT
    assert [p.name for p in (tmp_path / "data/raw/toy").iterdir()] == ["table.csv"]
    assert {"download", "--no-deps", "carrier==1.0"} <= set(index[0])
    assert "install" not in index[0]


def test_a_present_file_is_not_downloaded_again(entry, index, tmp_path):
    catalog.fetch(entry, tmp_path)
    catalog.fetch(entry, tmp_path)
    assert len(index) == 1


def test_a_modified_file_is_rejected(entry, index, tmp_path):
    catalog.fetch(entry, tmp_path)[0].write_bytes(b"a,y\n1,3\n")
    with pytest.raises(GlassboxError, match=r"data/raw/toy/table\.csv: the file differs"):
        catalog.fetch(entry, tmp_path)


@pytest.mark.parametrize("field", ["wheel_sha256", "sha256"])
def test_a_hash_mismatch_leaves_no_files(field, entry, index, tmp_path):
    with pytest.raises(GlassboxError, match="expected 0000"):
        catalog.fetch(entry.model_copy(update={field: "0" * 64}), tmp_path)
    assert not (tmp_path / "data").exists()


def test_a_failed_download_reports_where_to_copy_the_file(entry, monkeypatch, tmp_path):
    failed = subprocess.CompletedProcess([], 1, "", "WARNING: x\nERROR: No matching distribution found\n")
    monkeypatch.setattr(catalog.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(GlassboxError) as caught:
        catalog.fetch(entry, tmp_path)
    assert "No matching distribution" in str(caught.value)
    assert "copy it to data/raw/toy/table.csv" in str(caught.value)


def test_a_download_timeout_is_an_error(entry, monkeypatch, tmp_path):
    def hang(command, **_):
        raise subprocess.TimeoutExpired(command, 600)

    monkeypatch.setattr(catalog.subprocess, "run", hang)
    with pytest.raises(GlassboxError, match="no answer within"):
        catalog.fetch(entry, tmp_path)


def test_the_shipped_catalogue_is_valid():
    entries = catalog.read_catalog(Path(__file__).parents[2])
    assert {"churn", "credit_default", "bikeshare"} <= set(entries)
    for entry in entries.values():
        assert len(entry.wheel_sha256 or entry.deb_sha256) == (0 if entry.made_from else 64), entry.name
        assert entry.data_licence, entry.name
        assert all(len(sha256) == 64 for sha256 in catalog.fetched_hashes(entry).values()), entry.name


@pytest.mark.parametrize("content", ["- a", "toy: {title: x}", "toy: 3", "a: [", "a: !!python/object:os.system {}"])
def test_an_invalid_catalogue_is_a_data_error(content, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data/catalog.yaml").write_text(content)
    with pytest.raises(DataError, match=r"data/catalog\.yaml"):
        catalog.read_catalog(tmp_path)


def test_a_missing_catalogue_is_a_data_error(tmp_path):
    with pytest.raises(DataError, match="no such file"):
        catalog.find_entry("churn", tmp_path)


_NAMED = {"name": "toy", "title": "t", "description": "d", "shape": "s", "carrier_licence": "c", "data_licence": "d"}
_WHEEL = {"package": "p", "version": "1", "wheel_sha256": "a"}
_DEB = {"debian": "p", "version": "1", "deb_sha256": "a"}
_FILE = {"member": "m", "sha256": "b"}
_MADE = {"made_from": "photos", "recipe": {"name": "boxes", "train": 2, "test": 1, "side": 48, "seed": 1}}


@pytest.mark.parametrize("fields", [_WHEEL | _FILE, _DEB | _FILE, _WHEEL | {"members": {"m": "b"}}, _MADE])
def test_an_entry_has_one_carrier_or_a_recipe(fields):
    assert catalog.CatalogEntry(**_NAMED, **fields).name == "toy"


@pytest.mark.parametrize(
    "fields",
    [
        {},
        _FILE,
        _WHEEL,
        _WHEEL | _DEB | _FILE,
        _WHEEL | _FILE | {"members": {"m": "b"}},
        _WHEEL | _FILE | {"deb_sha256": "a"},
        _WHEEL | _FILE | {"version": ""},
        {"debian": "p", "version": "1", **_FILE},
        _MADE | _WHEEL | _FILE,
        _MADE | {"version": "1"},
        {"made_from": "photos"},
        {"recipe": _MADE["recipe"]},
    ],
)
def test_an_entry_without_exactly_one_origin_is_rejected(fields):
    with pytest.raises(ValueError, match="expected one of: package"):
        catalog.CatalogEntry(**_NAMED, **fields)


# ------------------------------------------------------------------------------------------------ Debian packages


@pytest.fixture
def deb(tmp_path_factory) -> Path:
    """A real package with two files, built by dpkg-deb."""
    # Meant: dpkg-deb is part of Debian only. Elsewhere such an entry is rejected with a message, which is tested without it.
    if shutil.which("dpkg-deb") is None:
        pytest.skip("meant: dpkg-deb, a part of Debian, is needed to build a package, and it is not installed")
    folder = tmp_path_factory.mktemp("debian")
    content = {
        "DEBIAN/control": b"Package: carrier\nVersion: 1.0-1\nArchitecture: all\nMaintainer: n <n@example.org>\nDescription: d\n",
        "usr/share/toy/table.csv": CONTENT,
        "usr/share/toy/more/other.csv": CONTENT * 2,
    }
    for name, text in content.items():
        (folder / "tree" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "tree" / name).write_bytes(text)
    path = folder / "carrier_1.0-1_all.deb"
    subprocess.run(["dpkg-deb", "--root-owner-group", "--build", folder / "tree", path], check=True, capture_output=True)
    return path


@pytest.fixture
def carried(deb) -> catalog.CatalogEntry:
    return catalog.CatalogEntry(
        **_NAMED,
        debian="carrier",
        version="1.0-1",
        deb_sha256=hashlib.sha256(deb.read_bytes()).hexdigest(),
        members={
            "usr/share/toy/table.csv": hashlib.sha256(CONTENT).hexdigest(),
            "usr/share/toy/more/other.csv": hashlib.sha256(CONTENT * 2).hexdigest(),
        },
    )


@pytest.fixture
def archive(monkeypatch, tmp_path_factory):
    """Install a fake `apt-get` first in PATH that runs the given code; returns the file to which it logs its arguments."""
    folder = tmp_path_factory.mktemp("bin")

    def put(code: str, *, alone: bool = False) -> Path:
        log = folder / "log"
        script = (
            f"#!{sys.executable}\nimport os, shutil, sys\nopen({str(log)!r}, 'a').write(' '.join(sys.argv[1:]) + '\\n')\n{code}\n"
        )
        (folder / "apt-get").write_text(script)
        (folder / "apt-get").chmod(0o755)
        monkeypatch.setenv("PATH", str(folder) if alone else f"{folder}{os.pathsep}{os.environ['PATH']}")
        return log

    return put


def _copy_code(path: Path) -> str:
    return f"shutil.copy({str(path)!r}, os.getcwd())"


def test_files_are_extracted_from_a_debian_package(carried, deb, archive, tmp_path):
    log = archive(_copy_code(deb))
    paths = catalog.fetch(carried, tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in paths] == ["data/raw/toy/more/other.csv", "data/raw/toy/table.csv"]
    assert [path.read_bytes() for path in paths] == [CONTENT * 2, CONTENT]
    assert log.read_text() == "download carrier=1.0-1\n"
    assert catalog.fetch(carried, tmp_path) == paths
    assert len(log.read_text().splitlines()) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["data"]


def test_a_hash_mismatch_of_a_debian_package_or_member_leaves_no_files(carried, deb, archive, tmp_path):
    archive(_copy_code(deb))
    other = carried.model_copy(update={"deb_sha256": "0" * 64})
    with pytest.raises(GlassboxError, match=r"the Debian package carrier 1\.0-1 differs .* expected 0000"):
        catalog.fetch(other, tmp_path)
    for members, words in [
        ({"usr/share/toy/table.csv": "0" * 64}, "expected 0000"),
        ({"usr/share/toy/none.csv": "0" * 64}, "none.csv cannot be read from carrier_1.0-1_all.deb"),
        ({"usr/share/toy": "0" * 64}, "is not a file"),
    ]:
        with pytest.raises(GlassboxError, match=words):
            catalog.fetch(carried.model_copy(update={"members": members}), tmp_path)
    assert not (tmp_path / "data").exists()


def test_a_failed_debian_download_reports_what_to_do(carried, archive, tmp_path):
    archive("print('E: Unable to locate package carrier', file=sys.stderr); sys.exit(100)")
    with pytest.raises(GlassboxError) as caught:
        catalog.fetch(carried, tmp_path)
    message = str(caught.value)
    assert "fetching carrier 1.0-1 from the Debian archive failed: E: Unable to locate package carrier" in message
    assert "`apt-get update`" in message
    assert "extract usr/share/toy/more/other.csv (and 1 more file beside it) from the Debian package carrier 1.0-1" in message
    assert "copy it to data/raw/toy/more/other.csv" in message


def test_a_missing_apt_get_is_reported(carried, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GlassboxError, match=r"apt-get is not installed(.|\n)*extract usr/share/toy"):
        catalog.fetch(carried, tmp_path)


def test_a_missing_dpkg_deb_is_reported(carried, deb, archive, tmp_path):
    archive(_copy_code(deb), alone=True)
    with pytest.raises(GlassboxError, match=r"dpkg-deb is not installed(.|\n)*extract usr/share/toy"):
        catalog.fetch(carried, tmp_path)


def test_a_corrupt_debian_package_is_an_error(carried, deb, archive, tmp_path):
    broken = deb.with_name("broken_1.0-1_all.deb")
    broken.write_bytes(b"!<arch>\nnothing")
    archive(_copy_code(broken))
    entry = carried.model_copy(update={"deb_sha256": hashlib.sha256(broken.read_bytes()).hexdigest()})
    with pytest.raises(GlassboxError, match=r"broken_1\.0-1_all\.deb cannot be opened: dpkg-deb"):
        catalog.fetch(entry, tmp_path)


# -------------------------------------------------------------------------------------------------- generated entries


@pytest.fixture
def project(tmp_path) -> Path:
    """A project whose catalogue has an entry of photos, already fetched, and an entry generated from them."""
    rng = np.random.default_rng(0)
    photos = []
    for _ in range(6):
        stream = io.BytesIO()
        Image.fromarray(rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)).save(stream, format="PNG")
        photos.append(stream.getvalue())
    path = tmp_path / "data/raw/photos/p.parquet"
    path.parent.mkdir(parents=True)
    table = {"dataset": ["train", "test"] * 3, "coarse_cat": ["Pear"] * 6, "image_data": photos}
    pd.DataFrame(table).to_parquet(path)
    _write_catalog(tmp_path, hashlib.sha256(path.read_bytes()).hexdigest())
    return tmp_path


def _write_catalog(root: Path, sha256: str, *, seed: int = 1, made_from: str = "photos") -> None:
    rest = "title: t, description: d, shape: s, carrier_licence: c, data_licence: d"
    (root / "data/catalog.yaml").write_text(
        f"photos: {{package: p, version: '1', wheel_sha256: a, member: p.parquet, sha256: '{sha256}', {rest}}}\n"
        f"toy: {{made_from: {made_from}, recipe: {{name: boxes, train: 2, test: 1, side: 48, seed: {seed}}}, {rest}}}\n"
    )


def test_an_entry_is_generated_once_and_identified_by_its_recipe(project):
    entry = catalog.find_entry("toy", project)
    hashes = catalog.fetched_hashes(entry)
    assert not (project / "data/raw/toy").exists()
    [path] = catalog.fetch(entry, project)
    assert [path.relative_to(project).as_posix()] == list(hashes) == list(entry.files) == ["data/raw/toy/pictures.parquet"]
    assert synthetic_scenes.fingerprint_of(path) == hashes["data/raw/toy/pictures.parquet"]
    assert len(pd.read_parquet(path)) == 3
    written = path.stat().st_mtime_ns
    assert catalog.fetch(entry, project) == [path]
    assert path.stat().st_mtime_ns == written


def test_a_changed_recipe_or_source_changes_the_fingerprint_and_regenerates_the_file(project):
    entry = catalog.find_entry("toy", project)
    [path] = catalog.fetch(entry, project)
    before = path.read_bytes()
    sha256 = catalog.find_entry("photos", project).sha256
    _write_catalog(project, sha256, seed=2)
    changed = catalog.find_entry("toy", project)
    assert catalog.fetched_hashes(changed) != catalog.fetched_hashes(entry)
    catalog.fetch(changed, project)
    assert path.read_bytes() != before
    _write_catalog(project, "0" * 64)
    assert catalog.fetched_hashes(catalog.find_entry("toy", project)) != catalog.fetched_hashes(entry)


@pytest.mark.parametrize("how", ["changed", "other"])
def test_a_modified_generated_file_is_rejected_and_left_in_place(how, project):
    entry = catalog.find_entry("toy", project)
    [path] = catalog.fetch(entry, project)
    frame = pd.read_parquet(path)
    if how == "changed":
        import pyarrow.parquet as pq

        table = pq.read_table(path)
        pq.write_table(table.set_column(1, "boxes", [["[]"] * len(frame)]).replace_schema_metadata(table.schema.metadata), path)
    else:
        path.write_bytes(b"mine")
    mine = path.read_bytes()
    with pytest.raises(GlassboxError, match=r"data/raw/toy/pictures\.parquet: this file was not generated for 'toy'"):
        catalog.fetch(entry, project)
    assert path.read_bytes() == mine


def test_a_failed_generation_reports_the_reason(project, monkeypatch):
    (project / "data/raw/photos/p.parquet").unlink()
    failed = subprocess.CompletedProcess([], 1, "", "ERROR: No matching distribution found\n")
    monkeypatch.setattr(catalog.subprocess, "run", lambda *_, **__: failed)
    with pytest.raises(
        GlassboxError, match=r"toy: the data set cannot be generated from 'photos': photos: fetching p 1 .* No matching"
    ):
        catalog.fetch(catalog.find_entry("toy", project), project)
    assert not (project / "data/raw/toy").exists()


@pytest.mark.parametrize("made_from", ["nothing", "toy"])
def test_an_invalid_source_of_a_generated_entry_is_an_error(made_from, project):
    _write_catalog(project, "0" * 64, made_from=made_from)
    with pytest.raises(
        DataError, match=f"toy.made_from is '{made_from}'; expected the name of an entry with one file in a package"
    ):
        catalog.read_catalog(project)


@pytest.mark.parametrize(
    "change", [{"name": ".."}, {"name": "a/b"}, {"member": "d/../../../../evil.py"}, {"member": "/etc/passwd"}]
)
def test_an_entry_whose_files_would_leave_their_folder_is_rejected(entry, change) -> None:
    with pytest.raises(ValidationError, match=r"is not a path inside|has other characters"):
        catalog.CatalogEntry.model_validate({**entry.model_dump(), **change})
