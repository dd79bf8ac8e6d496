"""YAML without what acts: plain text with its lines."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from glassbox.request.yaml_tree import Node, quoted, read_located, write_yaml


def plain(node: Node | None) -> object:
    if node is None:
        return None
    if isinstance(node.value, dict):
        return {key: plain(below) for key, below in node.value.items()}
    return [plain(item) for item in node.value] if isinstance(node.value, list) else node.value


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (
            "a: !!python/object/apply:os.system ['touch /tmp/x']",
            "f:1: 'tag:yaml.org,2002:python/object/apply:os.system' is a YAML tag",
        ),
        ("a: !!str 5", "is a YAML tag"),
        ("a: ! 5", "is a YAML tag"),
        ("a: &x [1]\nb: 2", "f:1: &x is a YAML anchor"),
        ("a: 1\nb: *x", "f:2: *x is a YAML alias"),
        ("a: 1\nb: 2\na: 3", "f:3: a stands here a second time (first at f:1)"),
        ("a: {b: 1, b: 2}", "f:1: b stands here a second time"),
        ("a: 1\n---\nb: 1", "f:2: a second document begins here"),
        ("a: {{ b }}", "f:1: braces or brackets stand where a name was expected; put text with braces in quotes"),
        ("a: {{ b }} c", "f:1: the value of a begins with '{'"),
        ("a: *.csv", "f:1: the value of a begins with '*'"),
        ("a: @home", "f:1: the value of a begins with '@'"),
        ("a: 1\nb: who: they", "f:2: the value of b holds ': '"),
        ("a:\n\tb: 1", "f:2: the line is indented with a tab"),
        ("a: 'b\nc: 1", "a quote is opened and never closed"),
        ("a: [b\nc: 1", "a list or mapping in brackets is not closed"),
        ("a: 1\n  b: 2", "f:2: this is not YAML: check the indentation"),
        ("a: 1\nb: \x07", "f:2: holds a character that cannot be shown"),
        ('a: "\\ud83d"', "half a character"),
        ("[" * 100_000, "deep in one another"),
        ("a: " + "{b: " * 100_000, "deep in one another"),
    ],
)
def test_what_a_request_must_not_hold_is_named_with_its_line(text: str, says: str) -> None:
    assert says in "\n".join(read_located(text, "f").problems)


def test_a_bomb_of_aliases_costs_nothing() -> None:
    lines = ["a0: &a0 [x]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 40)]
    started = time.process_time()
    assert read_located("\n".join(lines), "f").problems
    assert time.process_time() - started < 5


def test_nothing_is_run_by_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []
    monkeypatch.setattr("os.system", called.append)
    read_located("a: !!python/object/apply:os.system ['x']\nb: '{{ cycler.__init__ }}'", "f")
    assert called == []


def test_every_unquoted_bound_is_named_and_the_rest_is_read() -> None:
    located = read_located("a: >=0.9\nb:\n  c: > 95%\nd: it's\n", "f")
    assert plain(located.tree) == {"a": ">=0.9", "b": {"c": "> 95%"}, "d": "it's"}
    assert [line.split(" ")[0] for line in located.problems] == ["f:1:", "f:3:"]


@pytest.mark.parametrize("text", ["a: Yes", "a: 0x10", "a: 1_000", "a: 2024-01-01", "a: 1e3", "a: .nan", "a: 'null'", "a: 012"])
def test_a_scalar_is_the_text_that_stands_there(text: str) -> None:
    assert plain(read_located(text, "f").tree) == {"a": text[3:].strip("'")}


@pytest.mark.parametrize("text", ["a:", "a: ~", "a: null", "a: NULL"])
def test_nothing_is_nothing(text: str) -> None:
    assert plain(read_located(text, "f").tree) == {"a": None}


@pytest.mark.parametrize(("path", "where"), [(("a",), "f:2"), (("a", "b"), "f:3"), (("a", "b", 1), "f:5"), (("c",), "f:6")])
def test_a_value_stands_where_its_key_does(path: tuple[str | int, ...], where: str) -> None:
    tree = read_located("# head\na:\n  b:\n    - x\n    - y\nc: >-\n  long\n  text\n", "f").tree
    assert tree is not None
    node = tree.find(*path)
    assert node is not None
    assert node.where == where


VALUES = st.recursive(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
    lambda below: st.lists(below, max_size=3) | st.dictionaries(st.text("abc \u00e9:#'\"", max_size=5), below, max_size=3),
    max_leaves=8,
)


@given(VALUES)
def test_what_is_written_is_read_back(value: object) -> None:
    located = read_located(write_yaml({"a": value}), "f")
    assert not located.problems
    assert plain(located.tree) == {"a": value}


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_a_quoted_text_stands_in_one_line_and_is_read_back(text: str) -> None:
    written = f"a:\n  - {quoted(text)}  # a comment\nb: {quoted(text)}"
    assert len(written.splitlines()) == 3
    assert plain(read_located(written, "f").tree) == {"a": [text], "b": text}
