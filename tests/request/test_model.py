"""A resolved request holds every default and reads back as the same request."""

import json
import string
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from glassbox.errors import RequestError
from glassbox.metrics import METRICS
from glassbox.request import rules
from glassbox.request.bounds import Bound
from glassbox.request.loading import read_request, request_text
from glassbox.request.model import NAME, RESERVED, Data, Request, Split
from glassbox.request.tasks import MEASURED, TASKS, Task, task_rows

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
COLUMN = TEXT.filter(str.strip)
NAMES = st.from_regex(NAME, fullmatch=True).filter(lambda name: name not in RESERVED)
PATHS = st.text(string.ascii_letters + string.digits + " /._-*?:#'\"é👍", min_size=1, max_size=30).filter(
    lambda path: path.strip() and ".." not in path and not path.startswith("catalog:") and "key=" not in path
)


@pytest.fixture(autouse=True, scope="module")
def every_kind_is_built() -> Iterator[None]:
    """Treat every source and type of request as implemented, to test the rules of planned ones as well."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rules, "BUILT", {})
        yield


@st.composite
def bounds(draw: st.DrawFn) -> dict[str, Bound]:
    chosen = {}
    for name in draw(st.lists(st.sampled_from([*TASKS["classification"].metrics, *MEASURED]), unique=True)):
        metric = METRICS[name]
        op = draw(st.sampled_from([">", ">="] if metric.higher_is_better else ["<", "<="]))
        chosen[name] = Bound(op=op, value=draw(st.floats(0.01, 0.99)), unit=metric.unit)
    return chosen


@st.composite
def requests(draw: st.DrawFn) -> Request:
    target, row_id, *others = draw(st.lists(COLUMN, min_size=4, max_size=8, unique=True))
    by = draw(st.sampled_from(["hash", "group", "time", "column"]))
    source = draw(
        st.sampled_from(
            [
                {"source": "files", "path": draw(PATHS)},
                {"source": "database", "url": "postgresql://u:${env:P}@h/db", "table": draw(COLUMN)},
                {"source": "database", "url": "sqlite:///x.db", "query": draw(COLUMN)},
                {"source": "api", "url": "https://host/x?token=${env:T}"},
            ]
        )
    )
    return Request(
        name=draw(NAMES),
        task="classification",
        problem=draw(TEXT),
        data=Data(
            **source,
            target=target,
            id=draw(st.sampled_from([None, row_id])),
            size=draw(st.sampled_from([None, "7K rows", "7043"])),
            positive=draw(st.none() | TEXT),
            features=draw(st.sampled_from([None, others])),
            allow=draw(st.sampled_from([[], others[:1]])),
        ),
        split=Split(
            by=by,
            holdout=draw(st.floats(0.01, 0.99)),
            column=None if by == "hash" else others[0],
            cutoff="2024-06-30" if by == "time" else None,
        ),
        requirements=draw(bounds()),
        cost=draw(st.sampled_from(["low", "medium", "high"])),
        seed=draw(st.integers(0, 2**32 - 1)),
        folds=draw(st.integers(2, 20)),
        threads=draw(st.integers(1, 256)),
    )


@given(requests())
def test_a_resolved_request_reads_back_as_itself(request_: Request) -> None:
    assert Request.from_resolved(json.loads(json.dumps(request_.resolved()))) == request_


@given(requests())
@settings(max_examples=200)
def test_a_request_written_as_yaml_reads_back_as_itself(request_: Request) -> None:
    assert read_request(request_text(request_), Path(f"{request_.name}.yaml")) == request_


@given(requests())
def test_a_request_written_as_json_reads_back_as_itself(request_: Request) -> None:
    values = request_.resolved()
    values["requirements"] = {metric: bound.text for metric, bound in request_.requirements.items()}
    assert read_request(json.dumps(values, indent="\t"), Path(f"{request_.name}.json")) == request_


def test_a_resolved_request_holds_every_default() -> None:
    resolved = Request(name="a", task="classification", data=Data(path="x.csv", target="y")).resolved()
    assert resolved["split"] == {
        "by": "hash",
        "holdout": 0.2,
        "column": None,
        "holdout_values": None,
        "cutoff": None,
        "origins": 4,
    }
    assert (resolved["cost"], resolved["seed"], resolved["folds"], resolved["threads"]) == ("low", 42, 5, 1)


def test_a_resolved_request_holds_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("P", "hunter2")
    data = Data(source="database", url="postgresql://u:${env:P}@h/db", table="t", target="y")
    assert "hunter2" not in json.dumps(Request(name="a", task="classification", data=data).resolved())


def test_a_resolved_request_of_another_version_is_rejected() -> None:
    with pytest.raises(RequestError, match=r"does not fit this version of Glassbox \(at data, gone\); run the request again"):
        Request.from_resolved({"name": "a", "task": "classification", "gone": 1})


@pytest.mark.parametrize(
    "name", ["", "A", "1a", "a/b", "..", "a..b", "a b", "é", "-a", "a" * 65, "raw", "assets", "mlflow", "index", "catalog", "a\n"]
)
def test_an_invalid_or_reserved_name_is_rejected(name: str) -> None:
    with pytest.raises(ValidationError):
        Request(name=name, task="classification", data=Data())


def test_a_literal_password_is_rejected_without_a_file() -> None:
    with pytest.raises(ValidationError):
        Data(url="postgresql://u:hunter2@h/db")


@pytest.mark.parametrize("family", [task.family for task in task_rows()])
def test_the_name_of_every_family_is_reserved(family: str) -> None:
    # the customised notebooks of a request lie next to the folders of the families
    assert family in RESERVED


@pytest.mark.parametrize("task", task_rows(), ids=lambda task: task.family)
def test_every_metric_of_a_task_is_in_the_metric_table(task: Task) -> None:
    assert set(task.metrics) <= set(METRICS)
