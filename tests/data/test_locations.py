"""Resolving data.path to files."""

import hashlib

import fsspec
import pytest

from glassbox.data.locations import find_files, source_fingerprint
from glassbox.errors import DataError


def test_a_path_is_relative_to_the_project(write, make_request):
    root = write("a,y\n", "sub/data.csv")
    (file,) = find_files(make_request(path="sub/data.csv"), root)
    assert (file.name, file.read()) == ("sub/data.csv", b"a,y\n")


def test_a_glob_returns_all_files_sorted(write, make_request):
    for name in ("b.csv", "a.csv", "c.txt"):
        root = write("a,y\n", name)
    assert [file.name for file in find_files(make_request(path="*.csv"), root)] == ["a.csv", "b.csv"]


def test_a_bracket_may_be_part_of_a_file_name(write, make_request):
    root = write("a,y\n", "a[1].csv")
    assert [file.name for file in find_files(make_request(path="a[1].csv"), root)] == ["a[1].csv"]


def test_names_outside_the_project_do_not_depend_on_the_machine(write, make_request):
    write("a,y\n", "elsewhere/2020/a.csv")
    root = write("a,y\n", "elsewhere/2021/a.csv")
    project = root / "project"
    project.mkdir()
    names = [file.name for file in find_files(make_request(path=f"{root}/elsewhere/*/a.csv"), project)]
    assert names == ["2020/a.csv", "2021/a.csv"]
    (file,) = find_files(make_request(path=f"{root}/elsewhere/2020/a.csv"), project)
    assert file.name == "a.csv"


def test_a_file_url_is_the_same_as_its_path(write, make_request):
    root = write("a,y\n")
    assert [file.name for file in find_files(make_request(path=f"file://{root}/data.csv"), root)] == ["data.csv"]


def test_other_file_systems_are_read_through_fsspec(make_request, tmp_path):
    memory = fsspec.filesystem("memory")
    memory.pipe("/bucket/a.csv", b"a,y\n1,2\n")
    try:
        (file,) = find_files(make_request(path="memory://bucket/a.csv"), tmp_path)
        assert (file.name, file.read()) == ("memory://bucket/a.csv", b"a,y\n1,2\n")
        assert len(find_files(make_request(path="memory://bucket/*.csv"), tmp_path)) == 1
    finally:
        memory.rm("/bucket", recursive=True)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("nothing.csv", "there is no file 'nothing.csv'; its folder holds: data.csv"),
        ("*.parquet", "no file matches"),
        ("sub", "is a folder"),
        ("catalog:churm", "nearest: churn"),
        ("nowhere://x/y.csv", "cannot be opened"),
    ],
)
def test_an_absent_file_is_reported_with_alternatives(path, words, write, make_request):
    write("a,y\n", "sub/x.csv")
    write(
        "churn: {title: t, description: d, shape: s, package: p, version: '1', wheel_sha256: a, member: m, sha256: b,"
        " carrier_licence: c, data_licence: d}",
        "data/catalog.yaml",
    )
    root = write("a,y\n")
    with pytest.raises(DataError) as caught:
        find_files(make_request(path=path), root)
    assert words in str(caught.value)
    assert caught.value.exit_code == 2


def test_a_path_with_parent_folders_is_rejected(write, make_request):
    root = write("a,y\n") / "project"
    root.mkdir()
    request = make_request().model_copy(update={"data": make_request().data.model_copy(update={"path": "../data.csv"})})
    with pytest.raises(DataError, match="leaves its folder"):
        find_files(request, root)


def test_a_secret_in_an_address_is_resolved_but_never_shown(make_request, tmp_path, monkeypatch):
    monkeypatch.setenv("BUCKET", "hidden-name")
    memory = fsspec.filesystem("memory")
    memory.pipe("/hidden-name/a.csv", b"a,y\n")
    try:
        for name in ("a.csv", "*.csv"):
            (file,) = find_files(make_request(path="memory://${env:BUCKET}/" + name), tmp_path)
            assert file.read() == b"a,y\n"
            assert "hidden-name" not in file.name
    finally:
        memory.rm("/hidden-name", recursive=True)


def test_the_fingerprint_is_the_hash_of_each_file(write, make_request):
    root = write("a,y\n")
    assert source_fingerprint(make_request(), root) == {"data.csv": hashlib.sha256(b"a,y\n").hexdigest()}


def test_the_fingerprint_changes_with_a_byte(write, make_request):
    before = source_fingerprint(make_request(), write("a,y\n"))
    assert source_fingerprint(make_request(), write("a,z\n")) != before
