"""pyproject.toml, requirements.lock and environment.yml agree."""

import re
import tomllib
from importlib import metadata
from pathlib import Path

import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PINS = [Requirement(line.rstrip(" \\")) for line in LOCK.splitlines() if re.match("[A-Za-z0-9]", line)]
LOCKED = {canonicalize_name(p.name): str(p.specifier).removeprefix("==") for p in PINS if p.marker is None or p.marker.evaluate()}


def _declared() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lists = [
        project["project"]["dependencies"],
        *project["project"]["optional-dependencies"].values(),
        *project["dependency-groups"].values(),
    ]
    return [Requirement(line) for group in lists for line in group]


def test_every_dependency_is_locked_within_its_bounds() -> None:
    unlocked = [
        f"{requirement} (locked: {LOCKED.get(canonicalize_name(requirement.name), 'missing')})"
        for requirement in _declared()
        if not requirement.specifier.contains(LOCKED.get(canonicalize_name(requirement.name), "0"), prereleases=True)
        or canonicalize_name(requirement.name) not in LOCKED
    ]
    assert unlocked == []


def test_every_locked_package_has_hashes_and_no_url() -> None:
    blocks = re.split(r"^(?=[A-Za-z0-9])", LOCK, flags=re.MULTILINE)[1:]
    assert [block.splitlines()[0] for block in blocks if "--hash=sha256:" not in block] == []
    assert "://" not in LOCK


def test_the_conda_environment_installs_the_same_lock() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    pip = next(item["pip"] for item in environment["dependencies"] if isinstance(item, dict))
    assert pip == ["--require-hashes", "-r requirements.lock"]
    assert "python=3.11" in environment["dependencies"]


def test_the_installed_versions_are_the_locked_ones() -> None:
    names = ("pandas", "scikit-learn", "lightgbm", "xgboost-cpu", "ploomber", "mlflow", "shap", "optuna")
    assert {name: metadata.version(name) for name in names} == {name: LOCKED[name] for name in names}
