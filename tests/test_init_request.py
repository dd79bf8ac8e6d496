"""`glassbox init` writes a request from a data file, with comments about its guesses."""

import csv
import io
import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from glassbox.data.ingest import read
from glassbox.errors import RequestError
from glassbox.init_request import draft_request, init_request, slug
from glassbox.request.loading import load_request, read_request
from glassbox.request.model import NAME, RESERVED, Request


def write_csv(path: Path, header: list[str], rows: list[list[object]]) -> Path:
    stream = io.StringIO()
    csv.writer(stream).writerows([header, *rows])
    path.write_bytes(stream.getvalue().encode("utf-8"))
    return path


def customers(folder: Path, n: int = 40, name: str = "customers.csv") -> Path:
    rows: list[list[object]] = [[f"c-{i:03d}", i % 7, "yes" if i % 4 == 0 else "no", i * 1.5 + 0.25] for i in range(n)]
    return write_csv(folder / name, ["customer id", "visits", "churned", "spent"], rows)


def draft(folder: Path, file: Path, target: str | None = None) -> Request:
    return read_request(draft_request(folder, file, target, "customers"), Path("customers.yaml"))


def test_the_request_describes_the_file(tmp_path: Path) -> None:
    request = draft(tmp_path, customers(tmp_path))
    assert (request.data.path, request.data.size) == ("customers.csv", "40 rows")
    assert (request.data.id, request.data.target, request.data.positive) == ("customer id", "churned", "yes")


def test_ambiguous_dates_are_a_question_in_the_request(tmp_path: Path) -> None:
    rows: list[list[object]] = [
        [f"{i % 12 + 1:02d}/{i % 11 + 1:02d}/2017", i % 7, "yes" if i % 4 == 0 else "no"] for i in range(60)
    ]
    file = write_csv(tmp_path / "orders.csv", ["ordered", "items", "returned"], rows)
    text = draft_request(tmp_path, file, "returned", "orders")
    assert "is the day or the month first in dates such as '01/01/2017' (column 'ordered')?" in text
    assert read_request(text, Path("orders.yaml")).data.dates is None
    answered = read_request(text.replace("  # dates: dayfirst", "  dates: dayfirst"), Path("orders.yaml"))
    assert answered.data.dates == "dayfirst"


def test_the_request_is_written_to_params_and_loads(tmp_path: Path) -> None:
    path = init_request(tmp_path, customers(tmp_path, name="My Customers.csv"))
    assert path == tmp_path / "params" / "my-customers.yaml"
    assert load_request(path).name == "my-customers"


def test_an_existing_request_is_not_overwritten(tmp_path: Path) -> None:
    file = customers(tmp_path)
    init_request(tmp_path, file)
    with pytest.raises(RequestError, match=r"params/customers\.yaml: already exists.*--name"):
        init_request(tmp_path, file)
    assert init_request(tmp_path, file, name="second").name == "second.yaml"


def test_a_guessed_target_has_a_comment(tmp_path: Path) -> None:
    text = draft_request(tmp_path, customers(tmp_path))
    assert re.search(r"target: churned  # guessed", text)
    assert re.search(r"target: churned  # from --target", draft_request(tmp_path, customers(tmp_path), "churned"))


@pytest.mark.parametrize(
    ("header", "target"),
    [
        (["label", "b", "c"], "label"),  # by name
        (["a", "Is_Fraud", "c"], "Is_Fraud"),
        (["a", "b", "c"], "c"),  # the last column
    ],
)
def test_the_target_is_guessed_by_name_and_then_by_position(tmp_path: Path, header: list[str], target: str) -> None:
    file = write_csv(tmp_path / "x.csv", header, [[i % 2, i % 2, i % 2] for i in range(30)])
    assert draft(tmp_path, file).data.target == target


def test_a_column_of_two_values_is_guessed_before_one_of_more(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "x.csv", ["two", "three", "amount"], [[i % 2, i % 3, i / 7] for i in range(60)])
    assert draft(tmp_path, file).data.target == "two"


def test_a_multiclass_target_has_no_positive_class(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "x.csv", ["a", "species"], [[i, "abc"[i % 3]] for i in range(60)])
    assert draft(tmp_path, file).data.positive is None


def test_a_column_with_repeated_numbers_is_no_id(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "x.csv", ["shop id", "label"], [[i % 20, i % 2] for i in range(60)])
    assert draft(tmp_path, file).data.id is None


def test_an_unknown_target_is_reported_with_the_closest_column(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"no column 'churnd'.*'churned'"):
        draft_request(tmp_path, customers(tmp_path), "churnd")


def test_a_numeric_target_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="'spent' has 40 different values in 40 rows"):
        draft_request(tmp_path, customers(tmp_path), "spent")


def test_a_file_without_classes_requires_a_target(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "x.csv", ["a", "b"], [[i / 7, i / 3] for i in range(60)])
    with pytest.raises(RequestError, match="--target"):
        draft_request(tmp_path, file)


@pytest.mark.parametrize("content", [b"", b"a,b\n", b"\x89PNG\r\n\x1a\n\x00\x00", b"a,b\n1,0\n2,1\n"])
def test_an_unusable_file_is_rejected(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.csv").write_bytes(content)
    with pytest.raises(RequestError):
        draft_request(tmp_path, tmp_path / "x.csv")


@pytest.mark.parametrize("target", ["", " "])
def test_a_blank_target_is_rejected(tmp_path: Path, target: str) -> None:
    with pytest.raises(RequestError, match="--target"):
        draft_request(tmp_path, customers(tmp_path), target)


def test_a_missing_file_is_reported(tmp_path: Path) -> None:
    with pytest.raises(RequestError, match="no such file"):
        draft_request(tmp_path, tmp_path / "gone.csv")


def test_a_file_outside_the_project_has_an_absolute_path(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    file = customers(tmp_path)
    assert draft(tmp_path / "project", file).data.path == file.resolve().as_posix()


def test_rows_without_a_target_are_counted(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "x.csv", ["a", "label"], [[i, ["x", "y", ""][i % 3]] for i in range(30)])
    assert "# 10 rows have no target and will be quarantined" in draft_request(tmp_path, file)


def test_the_commented_features_are_valid_when_uncommented(tmp_path: Path) -> None:
    text = draft_request(tmp_path, customers(tmp_path), name="customers")
    edited = re.sub(r"(?m)^  # (features:|  - )", r"  \1", text)
    assert read_request(edited, Path("customers.yaml")).data.features == ["visits", "spent"]


def test_the_commented_bounds_are_valid_when_uncommented(tmp_path: Path) -> None:
    text = draft_request(tmp_path, customers(tmp_path), name="customers")
    edited = re.sub(r"(?m)^  # (roc_auc|accuracy|latency):", r"  \1:", text)
    assert len(read_request(edited, Path("customers.yaml")).requirements) == 3


@pytest.mark.parametrize("kind", ["text", "number"])
def test_an_id_is_inferred_from_its_values(tmp_path: Path, kind: str) -> None:
    rows: list[list[object]] = [[f"k-{i}" if kind == "text" else 1000 + i, i % 5, i % 2] for i in range(60)]
    assert draft(tmp_path, write_csv(tmp_path / "x.csv", ["who", "a", "label"], rows)).data.id == "who"


def test_a_measurement_with_unique_values_is_no_id(tmp_path: Path) -> None:
    file = write_csv(tmp_path / "x.csv", ["reading number", "label"], [[i / 7, i % 2] for i in range(60)])
    assert draft(tmp_path, file).data.id is None


def test_the_same_file_gives_the_same_text(tmp_path: Path) -> None:
    file = customers(tmp_path)
    assert draft_request(tmp_path, file) == draft_request(tmp_path, file)


@given(st.text(max_size=80).filter(lambda name: "/" not in name and "\0" not in name))
def test_any_file_name_gives_a_valid_request_name(name: str) -> None:
    result = slug(Path(name or "x"))
    assert NAME.fullmatch(result)
    assert result not in RESERVED


@given(
    st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=12), min_size=2, max_size=5),
    st.lists(
        st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=12).filter(str.strip),
        min_size=2,
        max_size=2,
        unique=True,
    ),
)
@settings(max_examples=60, deadline=None, print_blob=False)
def test_any_names_and_values_give_a_valid_request_or_an_error(names: list[str], labels: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        rows: list[list[object]] = [[*[f"{i}.5" for _ in names[1:]], labels[i % 3 == 0]] for i in range(30)]
        file = write_csv(root / "x.csv", names, rows)
        try:
            text = draft_request(root, file, name="customers")
        except RequestError:
            return
        request = read_request(text, Path("customers.yaml"))
        assert len(read(request, root)[0].cells) == 30  # ingest accepts the request
        edited = re.sub(r"(?m)^  # (features:|  - )", r"  \1", text)
        features = read_request(edited, Path("customers.yaml")).data.features
        assert request.data.target not in (features or [])
