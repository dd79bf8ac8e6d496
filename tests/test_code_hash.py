"""Code hashes ignore comments, docstrings and layout."""

from pathlib import Path

import pytest

from glassbox.code_hash import cell_text, code_closure, source_hash

PLAIN = "def f(x):\n    return x + 1\n"


@pytest.mark.parametrize(
    "variant",
    [
        "def f(x):  # adds\n    return x + 1\n",
        'def f(x):\n    """Add."""\n    return x + 1\n',
        '"""A module."""\n\n\ndef f(x):\n    return (x + 1)\n',
    ],
)
def test_comments_docstrings_and_layout_do_not_change_the_hash(variant: str) -> None:
    assert source_hash(variant) == source_hash(PLAIN)


@pytest.mark.parametrize(
    "changed", ["def f(x):\n    return x + 2\n", "def g(x):\n    return x + 1\n", "def f(x, y=0):\n    return x + 1\n"]
)
def test_other_code_changes_the_hash(changed: str) -> None:
    assert source_hash(changed) != source_hash(PLAIN)


def test_a_cell_with_a_magic_is_unchanged() -> None:
    assert cell_text("%matplotlib inline") == "%matplotlib inline"


def test_the_closure_holds_imported_modules_and_not_importing_ones() -> None:
    closure = code_closure(["glassbox.findings.html"])
    assert {"glassbox.findings.html", "glassbox.findings.wording", "glassbox.metrics"} <= set(closure)
    assert "glassbox.runtime.stage" not in closure


def test_the_closure_ignores_imports_for_type_checking() -> None:
    closure = code_closure(["glassbox.families.protocol"])  # imports RawData for its types only
    assert "glassbox.data.schema" in closure
    assert "glassbox.data.sources" not in closure


def test_no_two_modules_have_the_same_code() -> None:
    root = Path(__file__).parents[1] / "src" / "glassbox"
    hashes = {path: source_hash(path.read_text(encoding="utf-8")) for path in root.rglob("*.py") if path.stat().st_size > 200}
    assert len(set(hashes.values())) == len(hashes)
