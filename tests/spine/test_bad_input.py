"""End-to-end tests of invalid input: the command reports an error message, never a traceback."""

import json
import os
import resource
import subprocess
from pathlib import Path

import numpy as np
import pytest

from glassbox.files import read_json
from glassbox.pipeline.spec import STAGES
from spine_project import Project, new_project

HOSTILE = ("😀 mood", "שם", "<script>alert(1)</script>", "{{ 7 * 7 }}")
REQUEST = """\
name: {name}
task: classification
problem: "What is {{{{ 7 * 7 }}}} <script>alert(1)</script> 😀?"
data:
  path: {path}
  target: y
"""


def hostile_csv() -> bytes:
    """Return a file with three classes and every defect that a readable file can have."""
    rng = np.random.default_rng(3)
    lines = [f"\ufeffnumber,{','.join(HOSTILE)},empty,reach,huge,born,plan,plan,y"]
    for i in range(300):
        mood, noise = rng.normal(), 0.6 * rng.normal()
        cells = [f"n{i:03d}", f"{mood:.3f}", ["אבג", "דהו", "زحط"][i % 3], ["<b>x</b>", "&amp;"][i % 2]]
        cells += [["{{ 7 * 7 }}", "{% raw %}", "${env:HOME}"][i % 3], "", "inf" if i % 25 == 0 else f"{rng.normal():.2f}"]
        cells += ["1e400" if i % 40 == 0 else f"{rng.gamma(2):.2f}", "1500-03-01" if i % 50 == 1 else f"19{50 + i % 50}-01-11"]
        cells += ["abc"[int(rng.integers(3))], "uv"[i % 2]]
        lines.append(",".join([*cells, "gold" if mood + noise > 1 else "silver" if mood + noise > -0.2 else "none"]))
    lines.insert(40, "n900,1")
    lines.insert(90, "n901,0.2,x,y,z,,1,2,1980-01-01,a,u,gold,more")
    lines.insert(120, "n902,0.2\x00,x,y,z,,1,2,1980-01-01,a,u,gold")
    lines.insert(150, f"n903,0.2,{'x' * 300_000},y,z,,1,2,1980-01-01,a,u,gold")
    return "\r\n".join(lines).encode() + b"\r\nn904,0.1,\xe9t\xe9,y,z,,1,2,1980-01-01,a,u,none\r\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return new_project(tmp_path_factory.mktemp("bad") / "project")


@pytest.fixture(scope="module")
def hostile(project: Project) -> Project:
    (project.root / "hostile.csv").write_bytes(hostile_csv())
    request = {"name": "hostile", "task": "classification", "problem": "What is {{ 7 * 7 }} <script>alert(1)</script> 😀?"}
    request |= {"data": {"path": "hostile.csv", "id": "number", "target": "y"}, "folds": 3}
    (project.root / "params/hostile.json").write_text(json.dumps(request), encoding="utf-8")
    process = project.command("run", "hostile", "--no-track")
    assert process.returncode == 0, process.stdout + process.stderr
    return project


def page(project: Project, stage: str) -> str:
    return (project.root / f"reports/hostile/{stage}.html").read_text(encoding="utf-8")


def test_a_hostile_file_with_three_classes_goes_through_every_stage(hostile: Project) -> None:
    stages = read_json(hostile.root / "data/hostile/run.json")["stages"]
    assert {name: stage["status"] for name, stage in stages.items()} == dict.fromkeys(STAGES, "ran")


@pytest.mark.parametrize(
    "message",
    [
        "2 cells, where the header has 12",
        "13 cells, where the header has 12",
        "NUL bytes",
        "a cell of more than 131,072 characters",
        "is not UTF-8 like the others; decoded as Windows-1252",
        "plan",
        "reach: 12 values are not a finite number",
        "huge: 8 values are not a finite number",
        "empty: empty in every row of train",
        "born: dates before 1677 are stored to the microsecond",
    ],
)
def test_quarantined_rows_and_repairs_are_reported(hostile: Project, message: str) -> None:
    assert message in page(hostile, "ingest")


def test_non_finite_numbers_count_as_missing(hostile: Project) -> None:
    missing = {row["column"]: row["rows"] for row in _table(hostile, "missing")}
    assert missing.keys() >= {"empty", "reach", "huge"}
    assert 0 < missing["reach"] <= 12


def _table(project: Project, name: str) -> list[dict[str, object]]:
    [finding] = [f for f in read_json(project.root / "data/hostile/ingest/findings.json") if f["name"] == name]
    columns = [column["name"] if isinstance(column, dict) else column for column in finding["finding"]["columns"]]
    return [dict(zip(columns, row, strict=True)) for row in finding["finding"]["rows"]]


@pytest.mark.parametrize("stage", [*STAGES, "report"])
def test_nothing_in_a_hostile_file_is_executed_or_becomes_markup(hostile: Project, stage: str) -> None:
    text = page(hostile, stage)
    assert "<script>alert" not in text
    assert "<b>x</b>" not in text
    assert "What is 49" not in text
    assert os.environ["HOME"] + "<" not in text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the file is empty"),
        (b"a,y\n", "there is a header, but no row below it"),
        (b"a,y\n" + b"".join(b"%d,yes\n" % i for i in range(80)), "'y' is 'yes' in all 80 rows"),
        (b"a,y\n1,yes\n2,no\n3,yes\n4,no\n5,no\n6,yes\n", "too rarely for 5 folds and a holdout"),
        (b"a,y\n" + b"".join(b"%d,%d.5\n" % (i, i) for i in range(80)), "look like a quantity rather than classes"),
        (b"a,left\n1,yes\n2,no\n", "there is no column 'y' in the data. Columns: 'a' and 'left'"),
        (b"a,y\n" + b"1,yes\n2,no\n3\n" * 20, "20 of 60 rows cannot be read (33.3%, more than 5%)"),
    ],
    ids=["empty", "header only", "one class", "few rows", "numbers", "no such column", "too many unread"],
)
def test_unusable_data_ends_the_run_in_ingest(project: Project, content: bytes, message: str) -> None:
    (project.root / "poor.csv").write_bytes(content)
    (project.root / "params/poor.yaml").write_text(REQUEST.format(name="poor", path="poor.csv"), encoding="utf-8")
    process = project.command("run", "poor", "--no-track")
    assert (process.returncode, message in process.stderr) == (2, True), process.stderr
    assert "Traceback" not in process.stderr + process.stdout
    assert not (project.root / "data/poor/explore").exists()


BOMB = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"


@pytest.mark.parametrize(
    ("text", "messages"),
    [
        (
            "name: poor\ntask: classification\ndata: {path: a.csv, targt: y}\n",
            ["poor.yaml:3: data.targt", "did you mean 'target'"],
        ),
        ("task: clasification\nrequirements: {f1: abc}\n", ["poor.yaml:1: task", "poor.yaml:2: requirements", "data is missing"]),
        (REQUEST.format(name="poor", path="../../etc/passwd"), ["poor.yaml:5: data.path", "without '..'"]),
        (REQUEST.format(name="../poor", path="a.csv"), ["poor.yaml:1: name is '../poor'"]),
        (REQUEST.format(name="poor", path="!!python/object/apply:os.system ['touch owned']"), ["YAML tag"]),
        (BOMB, ["*a is a YAML alias"]),
    ],
    ids=["unknown key", "several", "path", "name", "tag", "bomb"],
)
def test_all_problems_of_a_request_are_reported_with_lines(project: Project, text: str, messages: list[str]) -> None:
    (project.root / "params/poor.yaml").write_text(text, encoding="utf-8")
    process = project.command("check", "poor")
    assert process.returncode == 2
    assert [text for text in messages if text not in process.stderr] == [], process.stderr
    assert "Traceback" not in process.stderr
    assert not (project.root / "owned").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["run", "custmers"], "did you mean 'customers'"),
        (["run", "../customers"], "no such request"),
        (["run", "customers", "--until", "explor"], "did you mean 'explore'"),
        (["run", "customers", "--set", "data.targt=x"], "did you mean 'target'"),
        (["eject", "customers", "tuen"], "did you mean 'tune'"),
        (["data", "get", "chrun"], "nearest: churn"),
    ],
)
def test_a_mistyped_name_gets_a_suggestion(project: Project, words: list[str], message: str) -> None:
    process = project.command(*words)
    assert (process.returncode, message in process.stderr) == (2, True), process.stderr


def test_init_check_and_run_work_for_a_new_file(project: Project) -> None:
    rows = [f"{i};{i % 7},5;{'ja' if (i * 7) % 11 < 4 else 'nein'}" for i in range(200)]
    (project.root / "Kunden 2024.csv").write_text("Nr;Größe;Gekündigt\n" + "\n".join(rows), encoding="latin-1")
    made = project.command("init", "Kunden 2024.csv", "--target", "Gekündigt")
    assert made.returncode == 0, made.stderr
    [written] = [path for path in (project.root / "params").glob("*.yaml") if "kunden" in path.name]
    assert project.command("check", written.stem).returncode == 0
    process = project.command("run", written.stem, "--until", "ingest", "--no-track")
    assert process.returncode == 0, process.stderr


def test_a_full_disk_is_reported_and_the_next_run_succeeds(project: Project) -> None:
    def small_files() -> None:  # limits the file size to 20 kB, to simulate a full disk
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))

    words = project.words(["run", "customers", "--until", "ingest", "--no-track"])
    process = subprocess.run(
        words, cwd=project.root, env=project.environment(), capture_output=True, text=True, preexec_fn=small_files, check=False
    )
    assert process.returncode == 1, process.stdout + process.stderr
    assert "File too large" in process.stderr
    assert "Traceback" not in process.stderr
    assert not Path(project.root / "data/customers/ingest").exists()
    assert project.command("run", "customers", "--until", "ingest", "--no-track").returncode == 0
