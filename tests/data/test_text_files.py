"""Where texts come from: tagged words in columns, documents in folders, Orange's tables, parts that files name."""

import json
from pathlib import Path

import pandas as pd
import pytest

from glassbox.data.formats.conll import joined, looks_like_conll, read_conll
from glassbox.data.ingest import read
from glassbox.data.sources import read_file
from glassbox.data.split import split
from glassbox.errors import DataError
from glassbox.families.protocol import arrange_of, looks_of
from glassbox.request.model import Data, Request, Split
from toy_news import conll, json_lines, sentences

IOB1 = b"EU NNP I-ORG\nrejects VBZ O\nGerman JJ I-MISC\n. . O\n\n-DOCSTART- -X- O O\n\nPeter NNP B-PER\nParis NNP B-PER\n"


def request(**told: object) -> Request:
    data = {"path": "x", "target": "entities", **dict(told.pop("data", {}))}  # type: ignore[call-overload]
    return Request.model_validate({"name": "a", "task": "nlp", "answer": "spans", "data": data, **told})


def test_tagged_words_are_told_by_their_content() -> None:
    assert looks_like_conll(IOB1)
    assert looks_like_conll(conll(5, 1).encode())
    assert not looks_like_conll(b"a,b\n1,O\n2,B-X\n")
    assert not looks_like_conll(b"word O\nword O\n")


def test_sentences_and_documents_are_kept_apart() -> None:
    table = read_conll(IOB1, "parts/train.txt")
    assert table.cells["text"].tolist() == ["EU rejects German .", "Peter Paris"]
    assert [json.loads(cell) for cell in table.cells["entities"]] == [
        [[0, 2, "ORG"], [11, 17, "MISC"]],
        [[0, 5, "PER"], [6, 11, "PER"]],
    ]
    assert table.cells["document"].tolist() == ["train.txt:0", "train.txt:1"]
    assert table.lines.tolist() == [1, 8]


@pytest.mark.parametrize("tags", [["B-A", "I-A", "O"], ["I-A", "I-A", "O"], ["B-A", "L-A", "O"], ["B-A", "E-A", "O"]])
def test_every_way_of_tagging_says_the_same(tags: list[str]) -> None:
    assert joined(["a", "b", "c"], tags)[1] == [[0, 3, "A"]]


def test_neighbours_of_one_type_are_two_where_tags_say_so() -> None:
    assert joined(["a", "b"], ["B-A", "B-A"])[1] == joined(["a", "b"], ["U-A", "U-A"])[1] == [[0, 1, "A"], [2, 3, "A"]]


def test_a_sentence_that_cannot_be_read_is_set_aside() -> None:
    table = read_conll(IOB1 + b"\nalone\nword O\n\nbad\xff O\nword O\n", "t")
    assert [row.reason for row in table.bad] == ["a line whose last column is no tag", "bytes that are not UTF-8"]
    assert len(table.lines) == 2


def test_the_same_from_columns_and_from_json_lines(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(conll(30, 4), encoding="utf-8")
    (tmp_path / "a.jsonl").write_text(json_lines(30, 4), encoding="utf-8")
    found = []
    for name in ("a.txt", "a.jsonl"):
        asked = request(data={"path": name, "target": "entities", "features": ["text"]})
        arrival, _ = read(asked, tmp_path, arrange_of(asked))
        found.append(arrival.cells[["text", "entities"]].astype(str).to_numpy().tolist())
    assert found[0] == found[1]
    assert [json.loads(cell) for _, cell in found[0]] == [spans for _, spans in sentences(30, 4)]


def test_entities_move_with_their_text_and_wrong_ones_are_set_aside(tmp_path: Path) -> None:
    rows = [
        {"text": "  Anna in Oslo", "entities": [[2, 6, "PER"], [10, 14, "LOC"]]},
        {"text": "Oslo", "entities": [[0, 99, "LOC"]]},
        {"text": "Oslo", "entities": "Oslo"},
        {"text": "", "entities": []},
        *({"text": f"nothing {i} here", "entities": []} for i in range(4)),
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    asked = request(data={"path": "a.jsonl", "target": "entities"}, folds=2)
    arrival, found = read(asked, tmp_path, arrange_of(asked))
    assert arrival.cells["text"].iloc[0] == "Anna in Oslo"
    assert json.loads(arrival.cells["entities"].iloc[0]) == [[0, 4, "PER"], [8, 12, "LOC"]]
    assert sorted(arrival.quarantine["reason"]) == [
        "a span from 0 to 99 in a text of 4 characters",
        "entities that are not JSON",
        "there is no text",
    ]
    assert "white space" in found["unit_rules"].lines[0]  # type: ignore[union-attr]


def test_nothing_to_learn_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("\n".join('{"text": "a b", "entities": []}' for _ in range(9)), encoding="utf-8")
    asked = request(data={"path": "a.jsonl", "target": "entities"}, folds=2)
    with pytest.raises(DataError, match="holds no entity"):
        read(asked, tmp_path, arrange_of(asked))


def test_files_name_their_parts(tmp_path: Path) -> None:
    for name in ("news-train", "news-valid", "news-test"):
        (tmp_path / f"{name}.txt").write_text(conll(10, 4), encoding="utf-8")
    asked = request(data={"path": "*.txt", "target": "entities"}, split=Split(by="column", column="file"), folds=2)
    arrival, _ = read(asked, tmp_path, arrange_of(asked))
    assert arrival.cells["file"].astype(str).value_counts().to_dict() == {"train": 10, "valid": 10, "test": 10}
    assert (split(arrival.cells, asked).table["part"] == "holdout").sum() == 10


def test_a_document_is_a_row(tmp_path: Path) -> None:
    for folder, text in (("good", b"Fine."), ("bad", "Schlecht, \xfcbel.".encode("cp1252"))):
        for i in range(3):
            path = tmp_path / f"mails/{folder}/{i}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text + str(i).encode())
    asked = Request(name="a", task="nlp", data=Data(path="mails/*/*.txt", target="folder"), folds=3)
    arrival, _ = read(asked, tmp_path, arrange_of(asked))
    assert arrival.cells["folder"].value_counts().to_dict() == {"good": 3, "bad": 3}
    assert "Schlecht, \xfcbel.0" in arrival.cells["text"].tolist()
    table = Request(name="a", task="classification", data=Data(path="mails/*/*.txt", target="folder"))
    with pytest.raises(DataError):
        read(table, tmp_path)


def test_orange_writes_two_lines_below_the_names() -> None:
    table = read_file(b"kind\ttext\nd\tstring\nclass\t\na\tone two\nb\tthree four\n", "x.tab")
    assert table.cells["kind"].tolist() == ["a", "b"]
    assert table.lines.tolist() == [4, 5]
    assert "Orange" in table.notes[-1]
    plain = read_file(b"kind\ttext\nd\tstring\nc\tother\n", "x.tab")
    assert plain.cells["kind"].tolist() == ["d", "c"]


def test_texts_that_share_nearly_all_words_look_alike() -> None:
    words = "one two three four five six seven eight nine ten eleven twelve"
    cells = pd.DataFrame(
        {"text": [words, f"{words} thirteen", "quite another text of more than six words", "short", "Short"], "y": list("abaab")}
    )
    asked = Request(name="a", task="nlp", data=Data(path="x", target="y", features=["text"]))
    found = looks_of(cells, asked).tolist()
    assert found[0] == found[1] != found[2]
    assert found[3] == found[4]
    assert looks_of(cells, asked.model_copy(update={"task": "classification"})) is None


def test_names_of_groups_do_not_depend_on_the_order() -> None:
    words = "one two three four five six seven eight nine ten eleven twelve"
    texts = [f"{words} {i}" for i in range(6)] + ["something else altogether stands in here my friend"]
    asked = Request(name="a", task="nlp", data=Data(path="x", target="y", features=["text"]))
    once = looks_of(pd.DataFrame({"text": texts}), asked).tolist()
    again = looks_of(pd.DataFrame({"text": texts[::-1]}), asked).tolist()
    assert once == again[::-1]
    assert len(set(once)) == 2


def test_what_is_wrong_with_texts_is_found_counted_and_said(tmp_path: Path) -> None:
    plain = [{"text": f"a text of several plain words, number {i}", "about": "ab"[i % 2]} for i in range(40)]
    odd = [
        "with <b>markup</b> in it",
        "wrongly decoded schÃ¶ne GrÃ¼Ãe",
        "lost \ufffd signs",
        "a bell \u0007 rings",
        "long " * 5000,
        "",
    ]
    rows = [*plain, *({"text": text, "about": "a"} for text in odd)]
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    asked = Request(name="a", task="nlp", data=Data(path="a.jsonl", target="about"), folds=3)
    arrival, found = read(asked, tmp_path, arrange_of(asked))
    assert len(arrival.cells) == len(rows) - 1
    assert arrival.quarantine["reason"].tolist() == ["there is no text"]
    said = " ".join(found["unit_rules"].lines)  # type: ignore[union-attr]
    for words in (
        "1 text with markup",
        "have encoding errors",
        "replacement character",
        "control characters",
        "1 text longer than 20,000",
        "1 row without text",
    ):
        assert words in said


def test_several_columns_of_texts_are_read_together(tmp_path: Path) -> None:
    rows = [
        {"title": f"title of {i} words here", "body": f"body of {i} with more words", "kind": "ab"[i % 2], "n": i}
        for i in range(30)
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "a.csv", index=False)
    asked = Request(name="a", task="nlp", data=Data(path="a.csv", target="kind"), folds=3)
    _, found = read(asked, tmp_path, arrange_of(asked))
    assert found["unit"].facts["read from"] == "title, body"  # type: ignore[union-attr]


def test_texts_on_both_sides_of_the_split_are_told(tmp_path: Path) -> None:
    from glassbox.families.classification.folds import duplicates_across

    words = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
    rows = [{"text": f"{words} {i}", "about": "ab"[i % 2]} for i in range(40)]
    rows += [
        {"text": f"something of its own number {i} with other words {i * 7} in it {i * 3}", "about": "ab"[i % 2]}
        for i in range(40)
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "a.csv", index=False)
    asked = Request(name="a", task="nlp", data=Data(path="a.csv", target="about"), folds=3)
    arrival, _ = read(asked, tmp_path, arrange_of(asked))
    table = split(arrival.cells, asked, looks_of(arrival.cells, asked)).table
    found = duplicates_across(table).facts
    sealed = table[table["part"] == "holdout"]
    assert (
        found["holdout rows alike one of train"]
        == sealed["content"].isin(table.loc[table["part"] == "train", "content"]).sum()
        > 0
    )
    assert found["names on both sides"] == 0
