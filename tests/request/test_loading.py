"""A request's file: all problems at once, each with its line, what was found and what may have been meant."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassbox.errors import RequestError
from glassbox.request.loading import load_request, read_request, split_overrides
from glassbox.request.model import BUILT, Request, rules
from glassbox.request.yaml_tree import MAX_BYTES

CHURN = Path(__file__).parents[2] / "params" / "churn.yaml"
FORECAST = "task: forecasting\ndata:\n  path: a.csv\n  target: y\n  time: t\n"
SOUND = """\
task: classification
data:
  path: a.csv
  target: y
"""
FILE = Path("asked.yaml")


@pytest.fixture(autouse=True, scope="module")
def every_kind_is_built() -> Iterator[None]:
    """What a kind needs is asked before the kind can be answered: here as if all were."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(rules, "BUILT", {})
        yield


def problems(text: str, overrides: dict[str, str] | None = None, path: Path = FILE) -> list[str]:
    with pytest.raises(RequestError) as caught:
        read_request(text, path, overrides or {})
    assert caught.value.exit_code == 2
    return caught.value.problems


def only_problem(text: str, overrides: dict[str, str] | None = None) -> str:
    found = problems(text, overrides)
    assert len(found) == 1, found
    return found[0]


def with_line(line: str, below: str = "") -> str:
    """The sound request with one more line, at the end or below one of its keys; the line is number 5 or as placed."""
    return SOUND + line + "\n" if not below else SOUND.replace(f"{below}:\n", f"{below}:\n{line}\n")


# ------------------------------------------------------------------------------------------------ what is understood


def test_the_request_that_comes_along_is_sound() -> None:
    request = load_request(CHURN)
    assert (request.name, request.data.id, request.data.target, request.data.positive) == ("churn", "customerID", "Churn", "Yes")
    assert {metric: str(bound) for metric, bound in request.requirements.items()} == {
        "roc_auc": ">=0.83",
        "accuracy": ">80%",
        "latency": "<100ms",
    }


def test_the_name_is_the_files_when_none_is_given() -> None:
    assert read_request(SOUND, Path("params/my-file.yaml")).name == "my-file"


def test_json_is_read_as_yaml_is() -> None:
    text = '{"task": "classification",\n\t"data":{"path":"a.csv","target":"\\ud83d\\ude00"}, "seed":7}'
    request = read_request(text, Path("asked.json"))
    assert (request.data.target, request.seed) == ("\N{GRINNING FACE}", 7)


def test_values_are_taken_as_they_are_written() -> None:
    text = SOUND.replace("target: y", "target: 007\n  positive: Yes\n  features: [1.50, no, 2024-01-01]")
    data = read_request(text, FILE).data
    assert (data.target, data.positive, data.features) == ("007", "Yes", ["1.50", "no", "2024-01-01"])


def test_a_mark_of_byte_order_is_no_part_of_the_text(tmp_path: Path) -> None:
    path = tmp_path / "asked.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + SOUND.encode())
    assert load_request(path).task == "classification"


def test_windows_line_ends_do_not_matter() -> None:
    assert read_request(SOUND.replace("\n", "\r\n"), FILE) == read_request(SOUND, FILE)


def test_an_empty_value_is_one_that_was_left_out() -> None:
    assert read_request(with_line("cost:\nsplit: ~\nrequirements:"), FILE) == read_request(SOUND, FILE)


def test_cost_may_stand_among_the_requirements() -> None:
    request = read_request(with_line("requirements: {cost: high, accuracy: '>90%'}"), FILE)
    assert request.cost == "high"
    assert list(request.requirements) == ["accuracy"]


@pytest.mark.parametrize("text", ["{{ 7 * 7 }}", "{% raw %}", "${env:HOME}", "{{env.HOME}}", "<img src=x onerror=alert(1)>"])
def test_templates_and_markup_stay_plain_text(text: str) -> None:
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
    found = problems(text)
    lines = [int(re.match(r"asked\.yaml:(\d+): ", line)[1]) for line in found]  # type: ignore[index]
    assert lines == [1, 4, 5, 7, 9, 10, 11, 12, 13]
    hints = [re.search(r"did you mean '([^']+)'", line) for line in found]
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
    ("text", "line", "says"),
    [
        ("data: {path: a.csv, target: y}\n", 1, "task is missing; expected the kind of question: classification."),
        ("task: classification\n", 1, "data is missing; expected where the data comes from"),
        (
            "task: classification\ndata:\n  path: a.csv\n",
            2,
            "data.target is missing; expected the name of the column to predict.",
        ),
        ("task: classification\ndata:\n  target: y\n", 2, "data.path is missing; expected a file"),
        (SOUND.replace("target: y", "target:"), 4, "data.target is missing"),
        (
            SOUND.replace("classification", "clasification"),
            1,
            "is 'clasification'; expected 'classification', 'forecasting', 'nlp' or 'computer_vision'; did you mean 'class",
        ),
        (
            SOUND.replace("classification", "nlp") + "answer: boxes\n",
            5,
            "answer is 'boxes'; expected 'classes' or 'spans' when task is 'nlp'",
        ),
        (
            SOUND.replace("classification", "computer_vision") + "answer: spans\n",
            5,
            "answer is 'spans'; expected 'classes' or 'boxes' when task is 'computer_vision'",
        ),
        (FORECAST + "horizon: 0\n", 6, "horizon is '0'; expected a whole number at least 1 and at most 10000"),
        (FORECAST, 1, "horizon is missing; expected how many steps ahead"),
        (FORECAST + "horizon: 7\nsplit: {by: hash}\n", 7, "split.by is 'hash'; expected 'horizon'"),
        (FORECAST + "horizon: 7\nsplit: {holdout: 0.3}\n", 7, "split.holdout means nothing when split.by is 'horizon'"),
        (
            FORECAST.replace("time: t", "positive: a") + "horizon: 7\n",
            5,
            "data.positive means nothing when task is 'forecasting'",
        ),
        (FORECAST.replace("time: t", "holidays: Germany") + "horizon: 7\n", 5, "expected a country as two letters"),
        (SOUND + "horizon: 7\n", 5, "horizon means nothing when task is 'classification'; 'forecasting' reads it"),
        (
            SOUND.replace("classification", "regression"),
            1,
            r"is 'regression'; expected .* \(regression is planned and not built yet\)",
        ),
        (with_line("sed: 1"), 5, "sed is not a key; expected 'name', .*; did you mean 'seed'"),
        (with_line("target: y"), 5, "target is not a key; .*; did you mean 'data.target'"),
        (with_line("accuracy: '>90%'"), 5, "accuracy is not a key; .*; did you mean 'requirements.accuracy'"),
        (with_line("split: {latency: '<1s'}"), 5, "split.latency is not a key; .*; did you mean 'requirements.latency'"),
        (with_line("  Target: z", "data"), 3, "data.Target is not a key; .*; did you mean 'data.target'"),
        (with_line("<<: {a: 1}"), 5, "<< is not a key"),
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
        (with_line("split: hash"), 5, "split is 'hash'; expected keys below it: by, holdout, column, cutoff"),
        (with_line("problem: [a]"), 5, "problem is a list; expected text"),
        (with_line("  features: a", "data"), 3, "data.features is 'a'; expected a list, such as"),
        (with_line("  features: [a,\n   {b: 1}]", "data"), 4, r"data.features\[1\] is a mapping; expected text"),
        (
            with_line("  source: file", "data"),
            3,
            "data.source is 'file'; expected 'files', 'database' or 'api'; did you mean 'files'",
        ),
        (with_line("  size: plenty", "data"), 3, "data.size is 'plenty'; expected a number of rows such as '7K rows'"),
        (with_line("name: other"), 5, "name is 'other'; expected 'asked', as the file is called"),
        (with_line("name: ../x"), 5, "name is '../x'; expected a name that begins with a letter"),
        (with_line("cost: low\nrequirements: {cost: low}"), 6, "requirements.cost stands beside cost"),
    ],
)
def test_a_problem_names_its_line_and_what_was_expected(text: str, line: int, says: str) -> None:
    found = only_problem(text)
    assert re.match(rf"asked\.yaml:{line}: .*{says}", found), found


def test_a_mistyped_list_of_keys_names_no_library() -> None:
    text = "task: [x]\ndata: 3\nsplit: []\nseed: {}\nrequirements: 5\ncost: []\nname: {}\ntype: 3\nproblem: {}\nfolds: a\n"
    joined = "\n".join(problems(text)).lower()
    assert not re.search(r"pydantic|input should|valid (string|dict|integer)|type=|traceback|yaml\.", joined)


@pytest.mark.parametrize("name", ["raw", "assets", "mlflow", "index", "catalog", "tabular"])
def test_a_reserved_file_name_is_refused(name: str) -> None:
    (found,) = problems(SOUND, path=Path(f"{name}.yaml"))
    assert found == f"{name}.yaml: the file is called '{name}'; expected another name; this one is reserved: rename the file."


def test_a_file_name_that_is_no_slug_is_refused() -> None:
    (found,) = problems(SOUND, path=Path("My File.yaml"))
    assert "the file is called 'My File'; expected a name that begins with a letter" in found


# ------------------------------------------------------------------------------------------------ sources and columns


@pytest.mark.parametrize(
    ("data", "says"),
    [
        ("{source: database, table: t, target: y}", "data.url is missing"),
        ("{source: database, url: 'sqlite:///x', target: y}", "data.table is missing; expected a table or a query"),
        ("{source: database, url: 'sqlite:///x', table: t, query: q, target: y}", "data.query stands beside data.table"),
        ("{source: api, target: y}", "data.url is missing"),
        (
            "{path: a.csv, table: t, target: y}",
            "data.table means nothing when data.source is 'files'; expected source: 'database'",
        ),
        (
            "{source: api, url: 'http://h', path: a, target: y}",
            "data.path means nothing when data.source is 'api'; expected source: 'files'",
        ),
        ("{path: a.csv, target: y, id: y}", "data.id is 'y', which is the target"),
        ("{path: a.csv, target: y, features: [x, y]}", r"data.features\[1\] is 'y', which is the target"),
        ("{path: a.csv, target: y, features: [x, x]}", r"data.features\[1\] is 'x' a second time"),
        ("{path: a.csv, target: y, id: i, features: [i, x]}", r"data.features\[0\] is 'i', which names the rows"),
        ("{path: a.csv, target: y, features: []}", "data.features is an empty list"),
        ("{path: a/../../b.csv, target: y}", r"data.path is 'a/../../b.csv'; expected a path without '\.\.'"),
        (r"{path: a\..\b.csv, target: y}", r"expected a path without '\.\.'"),
        ("{path: s3://b/../x, target: y}", r"expected a path without '\.\.'"),
        ('{path: "a\\0b", target: y}', "data.path is .*; expected an address without line breaks and invisible signs"),
        ("{path: 'catalog:../x', target: y}", "expected an entry of data/catalog.yaml after 'catalog:'"),
        ("{path: 'catalog:A b', target: y}", "expected an entry of data/catalog.yaml after 'catalog:'"),
        ("{path: '${HOME}/x', target: y}", r"expected secrets to be written \$\{env:NAME\}, not \$\{HOME\}"),
        ("{path: a.csv, target: ' '}", "data.target is ' '; expected the name of a column"),
    ],
)
def test_what_a_source_and_its_columns_need_is_said(data: str, says: str) -> None:
    assert re.search(says, only_problem(f"task: classification\ndata: {data}\n"))


@pytest.mark.parametrize(
    "path", ["a..b.csv", "/data/x.csv", "data/raw/*.csv", "s3://bucket/x", "catalog:churn", "C:/x.csv", "${env:HOME}/x"]
)
def test_these_paths_are_good(path: str) -> None:
    assert read_request(SOUND.replace("a.csv", f"'{path}'"), FILE).data.path == path


def test_a_password_that_is_written_out_is_refused_and_not_repeated() -> None:
    text = "task: classification\ndata:\n  source: database\n  url: postgresql://u:hunter2@h/db\n  table: t\n  target: y\n"
    found = only_problem(text)
    assert found.startswith("asked.yaml:4: data.url is 'postgresql://u:***@h/db'; expected no password")
    assert "${env:NAME}" in found


def test_no_message_repeats_a_password_wherever_it_stands() -> None:
    text = "task: pg://u:hunter2@h\nurl: pg://u:hunter2@h\ndata: pg://u:hunter2@h\ncost: pg://u:hunter2@h\nseed: token=hunter2\n"
    assert "hunter2" not in "\n".join(problems(text + "requirements: pg://u:hunter2@h\nname: pg://u:hunter2@h\n"))


@pytest.mark.parametrize(
    ("split", "says"),
    [
        ("{by: group}", "split.column is missing"),
        ("{by: column}", "split.column is missing"),
        ("{by: time, column: t}", "split.cutoff is missing"),
        ("{by: time, column: t, cutoff: soon}", "split.cutoff is 'soon'; expected a date"),
        ("{column: g}", "split.column means nothing when split.by is 'hash'"),
        ("{by: group, column: g, cutoff: 2024-01-01}", "split.cutoff means nothing when split.by is 'group'"),
        ("{by: group, column: y}", "split.column is 'y', which is the target"),
        ("{by: tim, column: t}", "split.by is 'tim'; .*did you mean 'time'"),
    ],
)
def test_what_a_split_needs_is_said(split: str, says: str) -> None:
    assert re.search(says, only_problem(with_line(f"split: {split}")))


# --------------------------------------------------------------------------------------------------------------- bounds


@pytest.mark.parametrize(
    ("bound", "says"),
    [
        ("acuracy: '>90%'", "acuracy is not a metric of this task; .*; did you mean 'accuracy'"),
        ("auc: '>90%'", "did you mean 'roc_auc'"),
        ("accuracy: 0.9", "accuracy is '0.9'; expected a bound that begins with .*; did you mean '>=0.9'"),
        ("accuracy: 95", "did you mean '>=95%'"),
        ("accuracy: '>95'", "expected a share from 0% to 100%.*; did you mean '>95%'"),
        ("accuracy: '>150%'", r"expected a share from 0% to 100% that can be reached\.$"),
        ("accuracy: '>100%'", "can be reached"),
        ("accuracy: '<90%'", "expected '>' or '>=', for more of accuracy is better; did you mean '>90%'"),
        ("latency: '>100ms'", "expected '<' or '<=', for less of latency is better; did you mean '<100ms'"),
        ("latency: 100ms", "did you mean '<100ms'"),
        ("latency: '<100'", "expected a bound with a unit, such as '<100ms'; did you mean '<100ms'"),
        ("latency: '<10%'", "expected a bound with a unit"),
        ("latency: '<0s'", "expected a number above 0"),
        ("accuracy: '>0.9s'", "accuracy is not measured in seconds; did you mean '>0.9'"),
        ("log_loss: '<50%'", r"expected a plain number, for log_loss is not a share\.$"),
        ("log_loss: '<-1'", "expected a number above 0"),
        ("accuracy: good", "accuracy is 'good'; expected a bound such as '>=0.9'"),
        ("brier: [1]", "brier is a list; expected a bound such as '<0.1'"),
        ("accuracy:", "requirements.accuracy is empty; expected a bound"),
        ("accuracy: >9", "begins with '>', which means something else in YAML; put the bound in quotes"),
        ("accuracy: >95%", 'accuracy is >95%; expected it in quotes: accuracy: ">95%"'),
        ("accuracy: >=0.9", 'expected it in quotes: accuracy: ">=0.9"'),
        ("accuracy: >95%  # at least: please", 'expected it in quotes: accuracy: ">95%"'),
        ("accuracy: > 95%", 'expected it in quotes: accuracy: "> 95%"'),
    ],
)
def test_a_bound_that_cannot_be_meant_is_said_and_mended(bound: str, says: str) -> None:
    found = only_problem(with_line(f"requirements:\n  {bound}"))
    assert found.startswith("asked.yaml:6: ")
    assert re.search(says, found), found


@pytest.mark.parametrize("bound", ["log_loss: '<3.5'", "accuracy: '>=100%'", "latency: <0.2s", "brier: <=10%", "log_loss: <=0"])
def test_these_bounds_are_good(bound: str) -> None:
    assert len(read_request(with_line(f"requirements:\n  {bound}"), FILE).requirements) == 1


# ------------------------------------------------------------------------------------------------------------ overrides


def test_what_is_set_wins_over_the_file() -> None:
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


def test_set_cost_wins_over_the_cost_among_the_requirements() -> None:
    assert read_request(with_line("requirements: {cost: medium}"), FILE, {"cost": "high"}).cost == "high"
    assert read_request(with_line("cost: medium"), FILE, {"requirements.cost": "high"}).cost == "high"


@pytest.mark.parametrize(
    ("key", "value", "says"),
    [
        ("data.targt", "y", "--set data.targt: data.targt is not a key; .*; did you mean 'data.target'|'target'"),
        ("cost", "hi", "--set cost: cost is 'hi'; expected 'low', 'medium' or 'high'; did you mean 'high'"),
        ("task.x", "1", "--set task.x: expected a key that exists"),
        ("", "1", "--set : "),
        ("data.features", "[a", "--set data.features: a list or mapping in brackets is not closed"),
        ("data.features", "!!python/name:os.system []", "--set data.features: data.features is '!!python"),
        ("requirements.accuracy", ">9", "--set requirements.accuracy: .*did you mean '>9%'"),
        ("name", "other", "--set name: name is 'other'; expected 'asked'"),
    ],
)
def test_a_problem_of_what_is_set_names_set(key: str, value: str, says: str) -> None:
    assert re.search(says, only_problem(SOUND, {key: value}))


def test_the_file_is_not_changed_by_what_is_set(tmp_path: Path) -> None:
    path = tmp_path / "asked.yaml"
    path.write_text(SOUND)
    load_request(path, {"seed": "7"})
    assert path.read_text() == SOUND


def test_pairs_are_split_at_the_first_equals_sign() -> None:
    assert split_overrides(["requirements.accuracy=>=90%", "problem=a=b"]) == {"requirements.accuracy": ">=90%", "problem": "a=b"}


@pytest.mark.parametrize("item", ["cost", "=high", ""])
def test_a_pair_without_a_key_or_a_value_is_refused(item: str) -> None:
    with pytest.raises(RequestError, match=r"expected key=value"):
        split_overrides([item])


# ---------------------------------------------------------------------------------------------------------------- files


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b"# only a comment\n", "is empty"),
        (b"just words\n", ":1: is text; expected lines of 'key: value'"),
        (b"- a\n- b\n", ":1: is a list; expected lines of 'key: value'"),
        (b"task: \xff\n", ":1: is not UTF-8 text"),
        (b"\x89PNG\r\n\x1a\n\x00", "is not UTF-8 text"),
        (b"task: a\x00b\n", ":1: is not text"),
        (SOUND.encode("utf-16"), "is not UTF-8 text"),
        (b"a: 1\n" * (MAX_BYTES // 5 + 1), "is larger than 1 MB"),
    ],
)
def test_a_file_that_is_no_request_is_told_so(tmp_path: Path, content: bytes, says: str) -> None:
    path = tmp_path / "asked.yaml"
    path.write_bytes(content)
    with pytest.raises(RequestError) as caught:
        load_request(path)
    assert says in str(caught.value)
    assert len(caught.value.problems) == 1


def test_a_file_that_is_not_there_names_those_that_are(tmp_path: Path) -> None:
    (tmp_path / "churn.yaml").write_text(SOUND)
    with pytest.raises(RequestError, match=r"there is no such file; .*holds: churn"):
        load_request(tmp_path / "chrun.yaml")


@pytest.mark.parametrize("name", ["a" * 300 + ".yaml", "."])
def test_a_path_that_cannot_be_a_file_is_told_so(tmp_path: Path, name: str) -> None:
    with pytest.raises(RequestError):
        load_request(tmp_path / name)


# -------------------------------------------------------------------------------------------------------------- hostile


@pytest.mark.parametrize("key", ['"a\\nb"', '"\\u202ea"', '"\\e[31m"'])
def test_a_key_with_invisible_signs_is_shown_in_one_line(key: str) -> None:
    assert only_problem(with_line(f"{key}: 1")).isprintable()


def said(text: str, path: Path) -> list[str]:
    """The problems of a text; none when it is a request."""
    try:
        assert isinstance(read_request(text, path), Request)
    except RequestError as error:
        return error.problems or ["an error that says nothing"]
    return []


@given(st.text(max_size=200))
def test_any_text_gives_a_request_or_problems_of_one_line(text: str) -> None:
    assert all(line.isprintable() and line.startswith("asked.yaml") for line in said(text, FILE))


@given(st.data())
def test_a_damaged_request_gives_a_request_or_problems_of_one_line(data: st.DataObject) -> None:
    text = CHURN.read_text(encoding="utf-8")
    at = data.draw(st.integers(0, len(text)))
    removed = data.draw(st.integers(0, 20))
    put = data.draw(st.text(alphabet=">|*&!%@`{}[]:#'\",-? \n\tab1~=<\\", max_size=6))
    damaged = said(text[:at] + put + text[at + removed :], Path("churn.yaml"))
    assert all(line.isprintable() and line.startswith("churn.yaml") for line in damaged)


def test_what_is_planned_and_not_built_is_refused_before_anything_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "BUILT", BUILT)
    asked = "type: deployment\ntask: classification\ndata: {source: database, url: 'sqlite:///x', table: t, target: y}\n"
    first, second = problems(asked)
    assert first == "asked.yaml:1: type is 'deployment'; expected 'model_development': the others are planned and not built yet."
    assert second == "asked.yaml:3: data.source is 'database'; expected 'files': the others are planned and not built yet."
