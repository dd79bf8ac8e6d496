"""Tests of the dependencies of a package: modules, libraries and hashes."""

import ast
from pathlib import Path

import pytest

from glassbox.code_hash import walk_runtime
from glassbox.errors import GlassboxError
from glassbox.serving.dependencies import distributions_of, libraries_of, pinned, serving_code

LOCK = """\
# made by hand
alpha==1.0 \\
    --hash=sha256:{a} \\
    --hash=sha256:{b}
    # via beta
beta-two==2.0 ; sys_platform == 'win32' \\
    --hash=sha256:{c}
beta-two==2.1 ; sys_platform != 'win32' \\
    --hash=sha256:{b}
""".format(a="a" * 64, b="b" * 64, c="c" * 64)


def test_serving_code_contains_the_service_and_the_family() -> None:
    names = set(serving_code("tabular"))
    assert {"glassbox/__init__.py", "glassbox/serving/service.py", "glassbox/families/tabular/predictor.py"} <= names


def test_serving_code_contains_no_training_or_reporting() -> None:
    parts = {name.split("/")[1] for name in serving_code("tabular")}
    assert not parts & {"pipeline", "reports", "monitoring", "runtime", "cli.py", "tracking", "versioning.py"}


def test_serving_code_contains_all_its_glassbox_imports() -> None:
    files = serving_code("tabular")
    for path in files.values():
        for node in walk_runtime(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("glassbox."):
                base = str(node.module).replace(".", "/")
                assert {f"{base}.py", f"{base}/__init__.py"} & set(files), (path, node.module)


def test_libraries_are_found_wherever_they_are_imported(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text("import os, numpy.linalg\nfrom glassbox import files\ndef f():\n    from pandas import DataFrame\n")
    assert libraries_of([file]) == ["numpy", "pandas"]


def test_type_checking_imports_are_ignored(tmp_path: Path) -> None:
    file = tmp_path / "a.py"
    file.write_text("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import torch\nelse:\n    import numpy\n")
    assert libraries_of([file]) == ["numpy"]


def test_transitive_requirements_are_included() -> None:
    distributions = distributions_of(["fastapi"])
    assert {"fastapi", "starlette", "anyio", "pydantic", "pydantic-core"} <= set(distributions)


def test_requirements_of_other_platforms_and_extras_are_excluded() -> None:
    distributions = distributions_of(["click", "uvicorn"])
    assert "colorama" not in distributions  # Windows
    assert "uvloop" not in distributions  # an extra


def test_a_library_without_a_distribution_is_named() -> None:
    with pytest.raises(GlassboxError, match="no_such_library"):
        distributions_of(["no_such_library"])


def test_pins_have_the_hashes_of_their_version() -> None:
    text = pinned({"alpha": "1.0", "beta-two": "2.1"}, LOCK)
    assert text == (
        f"alpha==1.0 \\\n    --hash=sha256:{'a' * 64} \\\n    --hash=sha256:{'b' * 64}\n"
        f"beta-two==2.1 \\\n    --hash=sha256:{'b' * 64}\n"
    )


def test_a_version_missing_from_the_lock_is_named() -> None:
    with pytest.raises(GlassboxError, match=r"alpha 1\.1"):
        pinned({"alpha": "1.1"}, LOCK)
