"""YAML is read as plain text with line numbers, and nothing in it is executed."""

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
    ("text", "message"),
    [
        (
            "a: !!python/object/apply:os.system ['touch /tmp/x']",
            "f:1: 'tag:yaml.org,2002:python/object/apply:os.system' is a YAML tag",
        ),
        ("a: !!str 5", "is a YAML tag"),
        ("a: ! 5", "is a YAML tag"),
        ("a: &x [1]\nb: 2", "f:1: &x is a YAML anchor"),
        ("a: 1\nb: *x", "f:2: *x is a YAML alias"),
        ("a: 1\nb: 2\na: 3", "f:3: a is given a second time (first at f:1)"),
        ("a: {b: 1, b: 2}", "f:1: b is given a second time"),
        ("a: 1\n---\nb: 1", "f:2: a second YAML document begins here"),
        ("a: {{ b }}", "f:1: found braces or brackets instead of a key; put text with braces in quotes"),
        ("a: {{ b }} c", "f:1: the value of a begins with '{'"),
        ("a: *.csv", "f:1: the value of a begins with '*'"),
        ("a: @home", "f:1: the value of a begins with '@'"),
        ("a: 1\nb: who: they", "f:2: the value of b contains ': '"),
        ("a:\n\tb: 1", "f:2: the line is indented with a tab"),
        ("a: 'b\nc: 1", "a quoted value is not closed"),
        ("a: [b\nc: 1", "a list or mapping in brackets is not closed"),
        ("a: 1\n  b: 2", "f:2: this is not valid YAML; check the indentation"),
        ("a: 1\nb: \x07", "f:2: contains a character that cannot be displayed"),
        ('a: "\\ud83d"', "half of a surrogate pair"),
        ("[" * 100_000, "levels deep"),
        ("a: " + "{b: " * 100_000, "levels deep"),
    ],
)
def test_unsupported_yaml_is_reported_with_its_line(text: str, message: str) -> None:
    assert message in "\n".join(read_located(text, "f").problems)


def test_an_alias_bomb_is_read_quickly() -> None:
    lines = ["a0: &a0 [x]"] + [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 40)]
    started = time.process_time()
    assert read_located("\n".join(lines), "f").problems
    assert time.process_time() - started < 5


def test_reading_executes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[str] = []
    monkeypatch.setattr("os.system", called.append)
    read_located("a: !!python/object/apply:os.system ['x']\nb: '{{ cycler.__init__ }}'", "f")
    assert called == []


def test_unquoted_bounds_are_reported_and_the_rest_is_read() -> None:
    located = read_located("a: >=0.9\nb:\n  c: > 95%\nd: it's\n", "f")
    assert plain(located.tree) == {"a": ">=0.9", "b": {"c": "> 95%"}, "d": "it's"}
    assert [line.split(" ")[0] for line in located.problems] == ["f:1:", "f:3:"]


@pytest.mark.parametrize("text", ["a: Yes", "a: 0x10", "a: 1_000", "a: 2024-01-01", "a: 1e3", "a: .nan", "a: 'null'", "a: 012"])
def test_a_scalar_is_read_as_its_text(text: str) -> None:
    assert plain(read_located(text, "f").tree) == {"a": text[3:].strip("'")}


@pytest.mark.parametrize("text", ["a:", "a: ~", "a: null", "a: NULL"])
def test_null_values_are_read_as_none(text: str) -> None:
    assert plain(read_located(text, "f").tree) == {"a": None}


@pytest.mark.parametrize(("path", "where"), [(("a",), "f:2"), (("a", "b"), "f:3"), (("a", "b", 1), "f:5"), (("c",), "f:6")])
def test_a_value_has_the_line_of_its_key(path: tuple[str | int, ...], where: str) -> None:
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
def test_written_values_are_read_back(value: object) -> None:
    located = read_located(write_yaml({"a": value}), "f")
    assert not located.problems
    assert plain(located.tree) == {"a": value}


@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=30))
def test_a_quoted_text_takes_one_line_and_is_read_back(text: str) -> None:
    written = f"a:\n  - {quoted(text)}  # a comment\nb: {quoted(text)}"
    assert len(written.splitlines()) == 3
    assert plain(read_located(written, "f").tree) == {"a": [text], "b": text}
