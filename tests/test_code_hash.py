"""What code says, apart from how it is worded."""

from pathlib import Path

import pytest

from glassbox.code_hash import cell_text, code_closure, source_hash

PLAIN = "def f(x):\n    return x + 1\n"


@pytest.mark.parametrize(
    "worded",
    [
        "def f(x):  # adds\n    return x + 1\n",
        'def f(x):\n    """Add."""\n    return x + 1\n',
        '"""A module."""\n\n\ndef f(x):\n    return (x + 1)\n',
    ],
)
def test_comments_docstrings_and_layout_do_not_count(worded: str) -> None:
    assert source_hash(worded) == source_hash(PLAIN)


@pytest.mark.parametrize(
    "other", ["def f(x):\n    return x + 2\n", "def g(x):\n    return x + 1\n", "def f(x, y=0):\n    return x + 1\n"]
)
def test_what_it_does_counts(other: str) -> None:
    assert source_hash(other) != source_hash(PLAIN)


def test_a_cell_with_a_magic_is_taken_as_written() -> None:
    assert cell_text("%matplotlib inline") == "%matplotlib inline"


def test_the_closure_has_what_is_imported_and_not_what_imports() -> None:
    closure = code_closure(["glassbox.findings.model"])
    assert {"glassbox.findings.model", "glassbox.findings.html", "glassbox.files"} <= set(closure)
    assert "glassbox.runtime.stage" not in closure


def test_what_type_checkers_alone_import_is_not_in_the_closure() -> None:
    closure = code_closure(["glassbox.families.protocol"])  # names an arrival in its types
    assert "glassbox.data.schema" in closure
    assert "glassbox.data.sources" not in closure


def test_every_module_has_code_of_its_own() -> None:
    root = Path(__file__).parents[1] / "src" / "glassbox"
    hashes = {path: source_hash(path.read_text(encoding="utf-8")) for path in root.rglob("*.py") if path.stat().st_size > 200}
    assert len(set(hashes.values())) == len(hashes)
