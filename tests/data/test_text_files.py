"""Reading texts: CoNLL files, documents in folders, Orange tables, and parts named by files."""

import json
from pathlib import Path

import pandas as pd
import pytest

from glassbox.data.formats.conll import join_tokens, looks_like_conll, read_conll
from glassbox.data.ingest import read
from glassbox.data.sources import read_file
from glassbox.data.split import split
from glassbox.errors import DataError
from glassbox.families.protocol import family_of
from glassbox.request.model import Data, Request, Split
from toy_news import conll, json_lines, sentences

IOB1 = b"EU NNP I-ORG\nrejects VBZ O\nGerman JJ I-MISC\n. . O\n\n-DOCSTART- -X- O O\n\nPeter NNP B-PER\nParis NNP B-PER\n"


def entity_request(**fields: object) -> Request:
    data = {"path": "x", "target": "entities", **dict(fields.pop("data", {}))}  # type: ignore[call-overload]
    return Request.model_validate({"name": "a", "task": "nlp", "answer": "spans", "data": data, **fields})


def test_conll_is_detected_by_content() -> None:
    assert looks_like_conll(IOB1)
    assert looks_like_conll(conll(5, 1).encode())
    assert not looks_like_conll(b"a,b\n1,O\n2,B-X\n")
    assert not looks_like_conll(b"word O\nword O\n")


def test_sentences_and_documents_are_separated() -> None:
    table = read_conll(IOB1, "parts/train.txt")
    assert table.cells["text"].tolist() == ["EU rejects German .", "Peter Paris"]
    assert [json.loads(cell) for cell in table.cells["entities"]] == [
        [[0, 2, "ORG"], [11, 17, "MISC"]],
        [[0, 5, "PER"], [6, 11, "PER"]],
    ]
    assert table.cells["document"].tolist() == ["train.txt:0", "train.txt:1"]
    assert table.lines.tolist() == [1, 8]


@pytest.mark.parametrize("tags", [["B-A", "I-A", "O"], ["I-A", "I-A", "O"], ["B-A", "L-A", "O"], ["B-A", "E-A", "O"]])
def test_every_tagging_scheme_gives_the_same_span(tags: list[str]) -> None:
    assert join_tokens(["a", "b", "c"], tags)[1] == [[0, 3, "A"]]


def test_adjacent_entities_of_one_type_are_separated_by_their_tags() -> None:
    assert join_tokens(["a", "b"], ["B-A", "B-A"])[1] == join_tokens(["a", "b"], ["U-A", "U-A"])[1] == [[0, 1, "A"], [2, 3, "A"]]


def test_an_invalid_sentence_is_a_bad_row() -> None:
    table = read_conll(IOB1 + b"\nalone\nword O\n\nbad\xff O\nword O\n", "t")
    assert [row.reason for row in table.bad] == ["a line whose last column is not a tag", "bytes that are not UTF-8"]
    assert len(table.lines) == 2


def test_conll_and_json_lines_give_the_same_rows(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(conll(30, 4), encoding="utf-8")
    (tmp_path / "a.jsonl").write_text(json_lines(30, 4), encoding="utf-8")
    cells = []
    for name in ("a.txt", "a.jsonl"):
        request = entity_request(data={"path": name, "target": "entities", "features": ["text"]})
        raw, _ = read(request, tmp_path, family_of(request).prepare_rows)
        cells.append(raw.cells[["text", "entities"]].astype(str).to_numpy().tolist())
    assert cells[0] == cells[1]
    assert [json.loads(cell) for _, cell in cells[0]] == [spans for _, spans in sentences(30, 4)]


def test_spans_are_shifted_with_their_text_and_invalid_rows_are_quarantined(tmp_path: Path) -> None:
    rows = [
        {"text": "  Anna in Oslo", "entities": [[2, 6, "PER"], [10, 14, "LOC"]]},
        {"text": "Oslo", "entities": [[0, 99, "LOC"]]},
        {"text": "Oslo", "entities": "Oslo"},
        {"text": "", "entities": []},
        *({"text": f"nothing {i} here", "entities": []} for i in range(4)),
    ]
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    request = entity_request(data={"path": "a.jsonl", "target": "entities"}, folds=2)
    raw, findings = read(request, tmp_path, family_of(request).prepare_rows)
    assert raw.cells["text"].iloc[0] == "Anna in Oslo"
    assert json.loads(raw.cells["entities"].iloc[0]) == [[0, 4, "PER"], [8, 12, "LOC"]]
    assert sorted(raw.quarantine["reason"]) == [
        "a span from 0 to 99 in a text of 4 characters",
        "entities that are not JSON",
        "there is no text",
    ]
    assert "white space" in findings["unit_rules"].lines[0]  # type: ignore[union-attr]


def test_a_target_without_entities_is_rejected(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text("\n".join('{"text": "a b", "entities": []}' for _ in range(9)), encoding="utf-8")
    request = entity_request(data={"path": "a.jsonl", "target": "entities"}, folds=2)
    with pytest.raises(DataError, match="holds no entity"):
        read(request, tmp_path, family_of(request).prepare_rows)


def test_parts_are_read_from_file_names(tmp_path: Path) -> None:
    for name in ("news-train", "news-valid", "news-test"):
        (tmp_path / f"{name}.txt").write_text(conll(10, 4), encoding="utf-8")
    request = entity_request(data={"path": "*.txt", "target": "entities"}, split=Split(by="column", column="file"), folds=2)
    raw, _ = read(request, tmp_path, family_of(request).prepare_rows)
    assert raw.cells["file"].astype(str).value_counts().to_dict() == {"train": 10, "valid": 10, "test": 10}
    assert (split(raw.cells, request).table["part"] == "holdout").sum() == 10


def test_each_document_is_a_row(tmp_path: Path) -> None:
    for folder, text in (("good", b"Fine."), ("bad", "Schlecht, \xfcbel.".encode("cp1252"))):
        for i in range(4):
            path = tmp_path / f"mails/{folder}/{i}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text + str(i).encode())
    request = Request(name="a", task="nlp", data=Data(path="mails/*/*.txt", target="folder"), folds=3)
    raw, _ = read(request, tmp_path, family_of(request).prepare_rows)
    assert raw.cells["folder"].value_counts().to_dict() == {"good": 4, "bad": 4}
    assert "Schlecht, \xfcbel.0" in raw.cells["text"].tolist()
    table = Request(name="a", task="classification", data=Data(path="mails/*/*.txt", target="folder"))
    with pytest.raises(DataError):
        read(table, tmp_path)


def test_the_header_lines_of_orange_are_not_rows() -> None:
    table = read_file(b"kind\ttext\nd\tstring\nclass\t\na\tone two\nb\tthree four\n", "x.tab")
    assert table.cells["kind"].tolist() == ["a", "b"]
    assert table.lines.tolist() == [4, 5]
    assert "Orange" in table.notes[-1]
    plain = read_file(b"kind\ttext\nd\tstring\nc\tother\n", "x.tab")
    assert plain.cells["kind"].tolist() == ["d", "c"]


def test_texts_that_share_nearly_all_words_are_near_duplicates() -> None:
    words = "one two three four five six seven eight nine ten eleven twelve"
    cells = pd.DataFrame(
        {"text": [words, f"{words} thirteen", "quite another text of more than six words", "short", "Short"], "y": list("abaab")}
    )
    request = Request(name="a", task="nlp", data=Data(path="x", target="y", features=["text"]))
    groups = family_of(request).near_duplicate_groups(cells, request).tolist()
    assert groups[0] == groups[1] != groups[2]
    assert groups[3] == groups[4]
    table = request.model_copy(update={"task": "classification"})
    assert family_of(table).near_duplicate_groups(cells, table) is None


def test_near_duplicate_groups_do_not_depend_on_the_order() -> None:
    words = "one two three four five six seven eight nine ten eleven twelve"
    texts = [f"{words} {i}" for i in range(6)] + ["something else altogether is written in here my friend"]
    request = Request(name="a", task="nlp", data=Data(path="x", target="y", features=["text"]))
    groups = family_of(request).near_duplicate_groups(pd.DataFrame({"text": texts}), request).tolist()
    reversed_groups = family_of(request).near_duplicate_groups(pd.DataFrame({"text": texts[::-1]}), request).tolist()
    assert groups == reversed_groups[::-1]
    assert len(set(groups)) == 2


def test_problems_of_texts_are_counted_in_a_finding(tmp_path: Path) -> None:
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
    request = Request(name="a", task="nlp", data=Data(path="a.jsonl", target="about"), folds=3)
    raw, findings = read(request, tmp_path, family_of(request).prepare_rows)
    assert len(raw.cells) == len(rows) - 1
    assert raw.quarantine["reason"].tolist() == ["there is no text"]
    report = " ".join(findings["unit_rules"].lines)  # type: ignore[union-attr]
    for words in (
        "1 text with markup",
        "have encoding errors",
        "replacement character",
        "control characters",
        "1 text longer than 20,000",
        "1 row without text",
    ):
        assert words in report


def test_several_columns_of_texts_are_read_together(tmp_path: Path) -> None:
    rows = [
        {"title": f"title of {i} words here", "body": f"body of {i} with more words", "kind": "ab"[i % 2], "n": i}
        for i in range(30)
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "a.csv", index=False)
    request = Request(name="a", task="nlp", data=Data(path="a.csv", target="kind"), folds=3)
    _, findings = read(request, tmp_path, family_of(request).prepare_rows)
    assert findings["unit"].facts["read from"] == "title, body"  # type: ignore[union-attr]


def test_near_duplicates_across_the_split_are_counted(tmp_path: Path) -> None:
    from glassbox.families.classification.folds import duplicates_across

    words = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
    rows = [{"text": f"{words} {i}", "about": "ab"[i % 2]} for i in range(40)]
    rows += [
        {"text": f"something of its own number {i} with other words {i * 7} in it {i * 3}", "about": "ab"[i % 2]}
        for i in range(40)
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "a.csv", index=False)
    request = Request(name="a", task="nlp", data=Data(path="a.csv", target="about"), folds=3)
    raw, _ = read(request, tmp_path, family_of(request).prepare_rows)
    table = split(raw.cells, request, family_of(request).near_duplicate_groups(raw.cells, request)).table
    facts = duplicates_across(table).facts
    holdout = table[table["part"] == "holdout"]
    assert (
        facts["holdout rows that duplicate one of train"]
        == holdout["content"].isin(table.loc[table["part"] == "train", "content"]).sum()
        > 0
    )
    assert facts["identifiers in both parts"] == 0
