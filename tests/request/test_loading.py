"""Loading a request reports all problems at once, each with its line, the value and a suggestion."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassbox.errors import RequestError
from glassbox.request import rules
from glassbox.request.loading import load_request, read_request, split_overrides
from glassbox.request.model import Request
from glassbox.request.tasks import BUILT
from glassbox.request.yaml_tree import MAX_BYTES

CHURN = Path(__file__).parents[2] / "params" / "churn.yaml"
FORECAST = "task: forecasting\ndata:\n  path: a.csv\n  target: y\n  time: t\n"
VALID = """\
task: classification
data:
  path: a.csv
  target: y
"""
FILE = Path("question.yaml")


@pytest.fixture(autouse=True, scope="module")
def every_kind_is_built() -> Iterator[None]:
    """Treat every source and type of request as implemented, to test the rules of planned ones as well."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rules, "BUILT", {})
        yield


def problems(text: str, overrides: dict[str, str] | None = None, path: Path = FILE) -> list[str]:
    with pytest.raises(RequestError) as caught:
        read_request(text, path, overrides or {})
    assert caught.value.exit_code == 2
    return caught.value.problems


def only_problem(text: str, overrides: dict[str, str] | None = None) -> str:
    messages = problems(text, overrides)
    assert len(messages) == 1, messages
    return messages[0]


def with_line(line: str, below: str = "") -> str:
    """Return the valid request with one more line: at the end, as line 5, or below one of its keys."""
    return VALID + line + "\n" if not below else VALID.replace(f"{below}:\n", f"{below}:\n{line}\n")


# ---------------------------------------------------------------------------------------------------- valid requests


def test_the_example_request_is_valid() -> None:
    request = load_request(CHURN)
    assert (request.name, request.data.id, request.data.target, request.data.positive) == ("churn", "customerID", "Churn", "Yes")
    assert {metric: str(bound) for metric, bound in request.requirements.items()} == {
        "roc_auc": ">=0.83",
        "accuracy": ">80%",
        "latency": "<100ms",
    }


def test_the_name_defaults_to_the_name_of_the_file() -> None:
    assert read_request(VALID, Path("params/my-file.yaml")).name == "my-file"


def test_json_is_read_like_yaml() -> None:
    text = '{"task": "classification",\n\t"data":{"path":"a.csv","target":"\\ud83d\\ude00"}, "seed":7}'
    request = read_request(text, Path("question.json"))
    assert (request.data.target, request.seed) == ("\N{GRINNING FACE}", 7)


def test_values_are_read_as_text() -> None:
    text = VALID.replace("target: y", "target: 007\n  positive: Yes\n  features: [1.50, no, 2024-01-01]")
    data = read_request(text, FILE).data
    assert (data.target, data.positive, data.features) == ("007", "Yes", ["1.50", "no", "2024-01-01"])


def test_a_byte_order_mark_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "question.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + VALID.encode())
    assert load_request(path).task == "classification"


def test_windows_line_ends_do_not_matter() -> None:
    assert read_request(VALID.replace("\n", "\r\n"), FILE) == read_request(VALID, FILE)


def test_an_empty_value_means_the_default() -> None:
    assert read_request(with_line("cost:\nsplit: ~\nrequirements:"), FILE) == read_request(VALID, FILE)


def test_cost_may_be_given_below_requirements() -> None:
    request = read_request(with_line("requirements: {cost: high, accuracy: '>90%'}"), FILE)
    assert request.cost == "high"
    assert list(request.requirements) == ["accuracy"]


@pytest.mark.parametrize("text", ["{{ 7 * 7 }}", "{% raw %}", "${env:HOME}", "{{env.HOME}}", "<img src=x onerror=alert(1)>"])
def test_templates_and_markup_are_plain_text(text: str) -> None:
    request = read_request(with_line(f"problem: 'Say {text}'").replace("target: y", f"target: '{text}'"), FILE)
    assert (request.problem, request.data.target) == (f"Say {text}", text)


# ----------------------------------------------------------------------------------------------- all problems at once


def test_all_problems_are_reported_together_in_the_order_of_their_lines() -> None:
    text = """\
type: model_developement
task: classification
data:
  paht: b.csv
  path: ../x.csv
  target: y
  size: 7 GB
requirements:
  acuracy: ">95%"
  latency: "<100"
  recall: >90%
cost: lo
seed: -1
"""
    messages = problems(text)
    lines = [int(re.match(r"question\.yaml:(\d+): ", line)[1]) for line in messages]  # type: ignore[index]
    assert lines == [1, 4, 5, 7, 9, 10, 11, 12, 13]
    hints = [re.search(r"did you mean '([^']+)'", line) for line in messages]
    assert [hint and hint[1] for hint in hints] == [
        "model_development",
        "path",
        None,
        None,
        "accuracy",
        "<100ms",
        None,
        "low",
        None,
    ]


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("data: {path: a.csv, target: y}\n", 1, "task is missing; expected the type of task: classification."),
        ("task: classification\n", 1, "data is missing; expected the data source"),
        (
            "task: classification\ndata:\n  path: a.csv\n",
            2,
            "data.target is missing; expected the name of the column to predict.",
        ),
        ("task: classification\ndata:\n  target: y\n", 2, "data.path is missing; expected a file"),
        (VALID.replace("target: y", "target:"), 4, "data.target is missing"),
        (
            VALID.replace("classification", "clasification"),
            1,
            "is 'clasification'; expected 'classification', 'forecasting', 'nlp' or 'computer_vision'; did you mean 'class",
        ),
        (
            VALID.replace("classification", "nlp") + "answer: boxes\n",
            5,
            "answer is 'boxes'; expected 'classes' or 'spans' when task is 'nlp'",
        ),
        (
            VALID.replace("classification", "computer_vision") + "answer: spans\n",
            5,
            "answer is 'spans'; expected 'classes' or 'boxes' when task is 'computer_vision'",
        ),
        (FORECAST + "horizon: 0\n", 6, "horizon is '0'; expected a whole number at least 1 and at most 10000"),
        (FORECAST, 1, "horizon is missing; expected the number of steps to forecast"),
        (FORECAST + "horizon: 7\nsplit: {by: hash}\n", 7, "split.by is 'hash'; expected 'horizon'"),
        (FORECAST + "horizon: 7\nsplit: {holdout: 0.3}\n", 7, "split.holdout is not used when split.by is 'horizon'"),
        (
            FORECAST.replace("time: t", "positive: a") + "horizon: 7\n",
            5,
            "data.positive is not used when task is 'forecasting'",
        ),
        (FORECAST.replace("time: t", "holidays: Germany") + "horizon: 7\n", 5, "expected a two-letter country code"),
        (VALID + "horizon: 7\n", 5, "horizon is not used when task is 'classification'; it applies only to 'forecasting'"),
        (
            VALID.replace("classification", "regression"),
            1,
            r"is 'regression'; expected .* \(regression is planned but not implemented yet\)",
        ),
        (with_line("sed: 1"), 5, "sed is not a known key; expected 'name', .*; did you mean 'seed'"),
        (with_line("target: y"), 5, "target is not a known key; .*; did you mean 'data.target'"),
        (with_line("accuracy: '>90%'"), 5, "accuracy is not a known key; .*; did you mean 'requirements.accuracy'"),
        (with_line("split: {latency: '<1s'}"), 5, "split.latency is not a known key; .*; did you mean 'requirements.latency'"),
        (with_line("  Target: z", "data"), 3, "data.Target is not a known key; .*; did you mean 'data.target'"),
        (with_line("<<: {a: 1}"), 5, "<< is not a known key"),
        (with_line("seed: x"), 5, "seed is 'x'; expected a whole number at least 0 and below 4294967296"),
        (with_line("folds: 1"), 5, "folds is '1'; expected a whole number at least 2 and at most 20"),
        (with_line("folds: 5.5"), 5, "folds is '5.5'; expected a whole number"),
        (with_line("threads: [1]"), 5, "threads is a list; expected a whole number"),
        (
            with_line("split: {holdout: 20%}"),
            5,
            "split.holdout is '20%'; expected a number above 0 and below 1; did you mean '0.2'",
        ),
        (with_line("split: {holdout: nan}"), 5, "split.holdout is 'nan'; expected a number above 0 and below 1"),
        (with_line("split: hash"), 5, "split is 'hash'; expected keys below it: by, holdout, column, holdout_values, cutoff"),
        (with_line("problem: [a]"), 5, "problem is a list; expected text"),
        (with_line("  features: a", "data"), 3, "data.features is 'a'; expected a list, such as"),
        (with_line("  features: [a,\n   {b: 1}]", "data"), 4, r"data.features\[1\] is a mapping; expected text"),
        (
            with_line("  source: file", "data"),
            3,
            "data.source is 'file'; expected 'files', 'database' or 'api'; did you mean 'files'",
        ),
        (with_line("  size: plenty", "data"), 3, "data.size is 'plenty'; expected a number of rows such as '7K rows'"),
        (with_line("name: other"), 5, "name is 'other'; expected 'question', the name of the file"),
        (with_line("name: ../x"), 5, "name is '../x'; expected a name that begins with a letter"),
        (with_line("cost: low\nrequirements: {cost: low}"), 6, "requirements.cost is given as well as cost"),
    ],
)
def test_a_problem_names_its_line_and_what_was_expected(text: str, line: int, message: str) -> None:
    reported = only_problem(text)
    assert re.match(rf"question\.yaml:{line}: .*{message}", reported), reported


def test_messages_about_wrong_types_name_no_library() -> None:
    text = "task: [x]\ndata: 3\nsplit: []\nseed: {}\nrequirements: 5\ncost: []\nname: {}\ntype: 3\nproblem: {}\nfolds: a\n"
    joined = "\n".join(problems(text)).lower()
    assert not re.search(r"pydantic|input should|valid (string|dict|integer)|type=|traceback|yaml\.", joined)


@pytest.mark.parametrize("name", ["raw", "assets", "mlflow", "index", "catalog", "tabular"])
def test_a_reserved_file_name_is_rejected(name: str) -> None:
    (message,) = problems(VALID, path=Path(f"{name}.yaml"))
    expected = "expected another name; this one is reserved. Rename the file."
    assert message == f"{name}.yaml: the name of the file is '{name}'; {expected}"


def test_an_invalid_file_name_is_rejected() -> None:
    (message,) = problems(VALID, path=Path("My File.yaml"))
    assert "the name of the file is 'My File'; expected a name that begins with a letter" in message


# ------------------------------------------------------------------------------------------------ sources and columns


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("{source: database, table: t, target: y}", "data.url is missing"),
        ("{source: database, url: 'sqlite:///x', target: y}", "data.table is missing; expected a table or a query"),
        ("{source: database, url: 'sqlite:///x', table: t, query: q, target: y}", "data.query is given together with data.table"),
        ("{source: api, target: y}", "data.url is missing"),
        (
            "{path: a.csv, table: t, target: y}",
            "data.table is not used when data.source is 'files'; expected source: 'database'",
        ),
        (
            "{source: api, url: 'http://h', path: a, target: y}",
            "data.path is not used when data.source is 'api'; expected source: 'files'",
        ),
        ("{path: a.csv, target: y, id: y}", "data.id is 'y', which is the target"),
        ("{path: a.csv, target: y, features: [x, y]}", r"data.features\[1\] is 'y', which is the target"),
        ("{path: a.csv, target: y, features: [x, x]}", r"data.features\[1\] is 'x' a second time"),
        ("{path: a.csv, target: y, id: i, features: [i, x]}", r"data.features\[0\] is 'i', which identifies the rows"),
        ("{path: a.csv, target: y, features: []}", "data.features is an empty list"),
        ("{path: a/../../b.csv, target: y}", r"data.path is 'a/../../b.csv'; expected a path without '\.\.'"),
        (r"{path: a\..\b.csv, target: y}", r"expected a path without '\.\.'"),
        ("{path: s3://b/../x, target: y}", r"expected a path without '\.\.'"),
        ('{path: "a\\0b", target: y}', "data.path is .*; expected an address without line breaks and non-printable"),
        ("{path: 'catalog:../x', target: y}", "expected an entry of data/catalog.yaml after 'catalog:'"),
        ("{path: 'catalog:A b', target: y}", "expected an entry of data/catalog.yaml after 'catalog:'"),
        ("{path: '${HOME}/x', target: y}", r"expected secrets in the form \$\{env:NAME\}, not \$\{HOME\}"),
        ("{path: a.csv, target: ' '}", "data.target is ' '; expected the name of a column"),
    ],
)
def test_problems_of_a_source_and_its_columns_are_reported(data: str, message: str) -> None:
    assert re.search(message, only_problem(f"task: classification\ndata: {data}\n"))


@pytest.mark.parametrize(
    "path", ["a..b.csv", "/data/x.csv", "data/raw/*.csv", "s3://bucket/x", "catalog:churn", "C:/x.csv", "${env:HOME}/x"]
)
def test_a_valid_path_is_accepted(path: str) -> None:
    assert read_request(VALID.replace("a.csv", f"'{path}'"), FILE).data.path == path


def test_a_literal_password_is_rejected_and_not_repeated() -> None:
    text = "task: classification\ndata:\n  source: database\n  url: postgresql://u:hunter2@h/db\n  table: t\n  target: y\n"
    message = only_problem(text)
    assert message.startswith("question.yaml:4: data.url is 'postgresql://u:***@h/db'; expected no literal password")
    assert "${env:NAME}" in message


def test_no_message_repeats_a_password_in_any_key() -> None:
    text = "task: pg://u:hunter2@h\nurl: pg://u:hunter2@h\ndata: pg://u:hunter2@h\ncost: pg://u:hunter2@h\nseed: token=hunter2\n"
    assert "hunter2" not in "\n".join(problems(text + "requirements: pg://u:hunter2@h\nname: pg://u:hunter2@h\n"))


@pytest.mark.parametrize(
    ("split", "message"),
    [
        ("{by: group}", "split.column is missing"),
        ("{by: column}", "split.column is missing"),
        ("{by: time, column: t}", "split.cutoff is missing"),
        ("{by: time, column: t, cutoff: soon}", "split.cutoff is 'soon'; expected a date"),
        ("{column: g}", "split.column is not used when split.by is 'hash'"),
        ("{by: group, column: g, cutoff: 2024-01-01}", "split.cutoff is not used when split.by is 'group'"),
        ("{by: group, column: y}", "split.column is 'y', which is the target"),
        ("{by: tim, column: t}", "split.by is 'tim'; .*did you mean 'time'"),
    ],
)
def test_problems_of_a_split_are_reported(split: str, message: str) -> None:
    assert re.search(message, only_problem(with_line(f"split: {split}")))


# --------------------------------------------------------------------------------------------------------------- bounds


@pytest.mark.parametrize(
    ("bound", "message"),
    [
        ("acuracy: '>90%'", "acuracy is not a metric of this task; .*; did you mean 'accuracy'"),
        ("auc: '>90%'", "did you mean 'roc_auc'"),
        ("accuracy: 0.9", "accuracy is '0.9'; expected a bound that begins with .*; did you mean '>=0.9'"),
        ("accuracy: 95", "did you mean '>=95%'"),
        ("accuracy: '>95'", "expected a share from 0% to 100%.*; did you mean '>95%'"),
        ("accuracy: '>150%'", r"expected a share from 0% to 100% that can be reached\.$"),
        ("accuracy: '>100%'", "can be reached"),
        ("accuracy: '<90%'", "expected '>' or '>=', because a higher accuracy is better; did you mean '>90%'"),
        ("latency: '>100ms'", "expected '<' or '<=', because a lower latency is better; did you mean '<100ms'"),
        ("latency: 100ms", "did you mean '<100ms'"),
        ("latency: '<100'", "expected a bound with a unit, such as '<100ms'; did you mean '<100ms'"),
        ("latency: '<10%'", "expected a bound with a unit"),
        ("latency: '<0s'", "expected a number above 0"),
        ("accuracy: '>0.9s'", "accuracy is not a duration; did you mean '>0.9'"),
        ("log_loss: '<50%'", r"expected a plain number, because log_loss is not a share\.$"),
        ("log_loss: '<-1'", "expected a number above 0"),
        ("accuracy: good", "accuracy is 'good'; expected a bound such as '>=0.9'"),
        ("brier: [1]", "brier is a list; expected a bound such as '<0.1'"),
        ("accuracy:", "requirements.accuracy is empty; expected a bound"),
        ("accuracy: >9", "begins with '>', which has another meaning in YAML; put the bound in quotes"),
        ("accuracy: >95%", 'accuracy is >95%; expected it in quotes: accuracy: ">95%"'),
        ("accuracy: >=0.9", 'expected it in quotes: accuracy: ">=0.9"'),
        ("accuracy: >95%  # at least: please", 'expected it in quotes: accuracy: ">95%"'),
        ("accuracy: > 95%", 'expected it in quotes: accuracy: "> 95%"'),
    ],
)
def test_an_invalid_bound_is_reported_with_a_suggestion(bound: str, message: str) -> None:
    reported = only_problem(with_line(f"requirements:\n  {bound}"))
    assert reported.startswith("question.yaml:6: ")
    assert re.search(message, reported), reported


@pytest.mark.parametrize("bound", ["log_loss: '<3.5'", "accuracy: '>=100%'", "latency: <0.2s", "brier: <=10%", "log_loss: <=0"])
def test_a_valid_bound_is_accepted(bound: str) -> None:
    assert len(read_request(with_line(f"requirements:\n  {bound}"), FILE).requirements) == 1


# ------------------------------------------------------------------------------------------------------------ overrides


def test_overrides_win_over_the_file() -> None:
    overrides = {
        "cost": "high",
        "data.features": "[a, b]",
        "requirements.accuracy": ">=90%",
        "split.by": "hash",
        "problem": "who: leaves?",
        "data.size": "null",
    }
    request = read_request(with_line("cost: low"), FILE, overrides)
    assert (request.cost, request.data.features, request.problem) == ("high", ["a", "b"], "who: leaves?")
    assert request.requirements["accuracy"].value == 0.9


def test_an_override_of_cost_wins_over_the_cost_below_requirements() -> None:
    assert read_request(with_line("requirements: {cost: medium}"), FILE, {"cost": "high"}).cost == "high"
    assert read_request(with_line("cost: medium"), FILE, {"requirements.cost": "high"}).cost == "high"


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("data.targt", "y", "--set data.targt: data.targt is not a known key; .*; did you mean 'data.target'|'target'"),
        ("cost", "hi", "--set cost: cost is 'hi'; expected 'low', 'medium' or 'high'; did you mean 'high'"),
        ("task.x", "1", "--set task.x: expected an existing key"),
        ("", "1", "--set : "),
        ("data.features", "[a", "--set data.features: a list or mapping in brackets is not closed"),
        ("data.features", "!!python/name:os.system []", "--set data.features: data.features is '!!python"),
        ("requirements.accuracy", ">9", "--set requirements.accuracy: .*did you mean '>9%'"),
        ("name", "other", "--set name: name is 'other'; expected 'question'"),
    ],
)
def test_a_problem_of_an_override_names_the_option(key: str, value: str, message: str) -> None:
    assert re.search(message, only_problem(VALID, {key: value}))


def test_overrides_do_not_change_the_file(tmp_path: Path) -> None:
    path = tmp_path / "question.yaml"
    path.write_text(VALID)
    load_request(path, {"seed": "7"})
    assert path.read_text() == VALID


def test_overrides_are_split_at_the_first_equals_sign() -> None:
    assert split_overrides(["requirements.accuracy=>=90%", "problem=a=b"]) == {"requirements.accuracy": ">=90%", "problem": "a=b"}


@pytest.mark.parametrize("item", ["cost", "=high", ""])
def test_an_override_without_key_or_value_is_rejected(item: str) -> None:
    with pytest.raises(RequestError, match=r"expected key=value"):
        split_overrides([item])


# ---------------------------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"# only a comment\n", "is empty"),
        (b"just words\n", ":1: is text; expected lines of 'key: value'"),
        (b"- a\n- b\n", ":1: is a list; expected lines of 'key: value'"),
        (b"task: \xff\n", ":1: is not UTF-8 text"),
        (b"\x89PNG\r\n\x1a\n\x00", "is not UTF-8 text"),
        (b"task: a\x00b\n", ":1: is not text"),
        (VALID.encode("utf-16"), "is not UTF-8 text"),
        (b"a: 1\n" * (MAX_BYTES // 5 + 1), "is larger than 1 MB"),
    ],
)
def test_a_file_that_is_not_a_request_is_rejected(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "question.yaml"
    path.write_bytes(content)
    with pytest.raises(RequestError) as caught:
        load_request(path)
    assert message in str(caught.value)
    assert len(caught.value.problems) == 1


def test_a_missing_file_is_reported_with_the_existing_ones(tmp_path: Path) -> None:
    (tmp_path / "churn.yaml").write_text(VALID)
    with pytest.raises(RequestError, match=r"no such file; .*contains: churn"):
        load_request(tmp_path / "chrun.yaml")


@pytest.mark.parametrize("name", ["a" * 300 + ".yaml", "."])
def test_a_path_that_is_not_a_file_is_rejected(tmp_path: Path, name: str) -> None:
    with pytest.raises(RequestError):
        load_request(tmp_path / name)


# -------------------------------------------------------------------------------------------------------------- hostile


@pytest.mark.parametrize("key", ['"a\\nb"', '"\\u202ea"', '"\\e[31m"'])
def test_non_printable_characters_of_a_key_are_escaped(key: str) -> None:
    assert only_problem(with_line(f"{key}: 1")).isprintable()


def reported(text: str, path: Path) -> list[str]:
    """Return the problems of a text; none when it is a valid request."""
    try:
        assert isinstance(read_request(text, path), Request)
    except RequestError as error:
        return error.problems or ["an error without a message"]
    return []


@given(st.text(max_size=200))
def test_any_text_gives_a_request_or_problems_of_one_line(text: str) -> None:
    assert all(line.isprintable() and line.startswith("question.yaml") for line in reported(text, FILE))


@given(st.data())
def test_a_damaged_request_gives_a_request_or_problems_of_one_line(data: st.DataObject) -> None:
    text = CHURN.read_text(encoding="utf-8")
    at = data.draw(st.integers(0, len(text)))
    removed = data.draw(st.integers(0, 20))
    put = data.draw(st.text(alphabet=">|*&!%@`{}[]:#'\",-? \n\tab1~=<\\", max_size=6))
    messages = reported(text[:at] + put + text[at + removed :], Path("churn.yaml"))
    assert all(line.isprintable() and line.startswith("churn.yaml") for line in messages)


def test_planned_values_are_rejected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "BUILT", BUILT)
    text = "type: deployment\ntask: classification\ndata: {source: database, url: 'sqlite:///x', table: t, target: y}\n"
    first, second = problems(text)
    assert (
        first
        == "question.yaml:1: type is 'deployment'; expected 'model_development': the other values are planned but not implemented yet."
    )
    assert (
        second
        == "question.yaml:3: data.source is 'database'; expected 'files': the other values are planned but not implemented yet."
    )
