"""The whole way from a file to snapshots and findings."""

import random

import pandas as pd
import pytest

from glassbox.data import quality
from glassbox.data.ingest import conform_parts, read
from glassbox.data.schema import infer_schema
from glassbox.data.split import split
from glassbox.errors import DataError
from glassbox.files import canonical_json, hash_tree, write_json, write_parquet
from glassbox.findings.html import finding_html
from glassbox.request.model import Split
from glassbox.runtime.field_tracking import track_reads


def ingest(request, root):
    arrival, _ = read(request, root)
    parts = split(arrival.cells, request)
    schema = infer_schema(parts.train, request)
    return arrival, parts, schema, conform_parts(parts, schema)


def findings(request, root):
    arrival, parts, schema, snapshot = ingest(request, root)
    return {
        "arrived": quality.arrived(arrival, parts),
        "promised": quality.promised(arrival, request),
        "quarantine": quality.quarantine(arrival),
        "repairs": quality.repairs(arrival, snapshot),
        "types": quality.types(schema),
        "missing": quality.missing(schema, snapshot),
        "missing_drawn": quality.missing_drawn(schema),
        "duplicates": quality.duplicates(parts, schema),
        "split": quality.parts_facts(parts, request, schema),
    }


def test_shuffled_rows_give_the_same_bytes(write, ask, frame, tmp_path):
    request = ask(id="customer")
    frame.loc[3, "y"] = ""
    lines = frame.to_csv(index=False).splitlines()
    random.Random(5).shuffle(body := lines[1:])
    hashes = []
    for text in ("\n".join(lines), "\n".join([lines[0], *body])):
        root = write(text)
        _, parts, schema, snapshot = ingest(request, root)
        folder = tmp_path / "products"
        write_parquet(folder / "train.parquet", snapshot.train)
        write_parquet(folder / "holdout.parquet", snapshot.holdout)
        write_parquet(folder / "split.parquet", parts.table)
        write_json(folder / "schema.json", schema)
        write_json(folder / "findings.json", findings(request, root))
        hashes.append(hash_tree(folder))
    assert hashes[0] == hashes[1]


def test_the_snapshots_have_row_id_first_and_the_target_with_them(write, ask, frame):
    _, parts, schema, snapshot = ingest(ask(id="customer"), write(frame))
    assert snapshot.train.columns.tolist() == ["row_id", *frame.columns]
    assert snapshot.train["row_id"].is_monotonic_increasing
    assert snapshot.train["charge"].dtype == "float64"
    assert len(snapshot.train) + len(snapshot.holdout) == len(parts.table) == len(frame)
    assert schema.column("since").kind == "date"


def test_nothing_is_learned_from_the_holdout(write, ask, frame):
    request = ask(id="customer")
    _, parts, schema, _ = ingest(request, write(frame))
    sealed = set(parts.holdout["customer"])
    changed = frame.copy()
    changed.loc[changed["customer"].isin(sealed), "calls"] = "999999"
    changed.loc[changed["customer"].isin(sealed), "plan"] = "secret"
    _, _, other, _ = ingest(request, write(changed))
    assert canonical_json(other) == canonical_json(schema)


def test_rows_without_a_target_are_set_aside_and_said(write, ask, frame):
    frame.loc[[3, 7], "y"] = ["", "NA"]
    arrival, _, _, snapshot = ingest(ask(id="customer"), write(frame))
    assert arrival.quarantine[["line", "reason"]].to_numpy().tolist() == [
        [5, "the target is missing"],
        [9, "the target is missing"],
    ]
    assert len(snapshot.train) + len(snapshot.holdout) == len(frame) - 2
    assert "2 rows of 200 set aside" in quality.quarantine(arrival).say


def test_rows_without_a_moment_are_set_aside_when_time_splits(write, ask, frame):
    frame.loc[3, "since"] = "soon"
    arrival, *_ = ingest(ask(id="customer", split=Split(by="time", column="since", cutoff="2010-01-01")), write(frame))
    assert arrival.quarantine["line"].tolist() == [5]


def test_what_had_to_become_missing_is_said_by_column(write, ask, frame):
    frame["calls"] = frame["calls"].where(frame.index != 9, "inf")
    frame["nothing"] = ""
    frame["always"] = "x"
    arrival, _, _, snapshot = ingest(ask(id="customer"), write(frame))
    said = quality.repairs(arrival, snapshot).lines
    assert [line.partition(":")[0] for line in said] == ["calls", "nothing", "always"]
    assert "'inf'" in said[0]


def test_a_promise_is_kept_within_a_factor_of_two(write, ask, frame):
    root = write(frame)
    arrival, _ = read(ask(id="customer"), root)
    assert quality.promised(arrival, ask()).kind == "note"
    assert quality.promised(arrival, ask(size="400 rows")).facts["kept"] is True
    broken = quality.promised(arrival, ask(size="401 rows"))
    assert (broken.facts["kept"], "fewer" in broken.say) == (False, True)


def test_repeats_are_counted(write, ask, frame):
    again = frame.iloc[[0, 0, 1]].copy()
    again["customer"] = ["C-x", "C-y", "C-z"]
    again["y"] = [frame["y"][0], frame["y"][0], "no" if frame["y"][1] == "yes" else "yes"]
    request = ask(id="customer")
    facts = findings(request, write(pd.concat([frame, again])))["duplicates"].facts
    assert facts["rows that look like another to a model"] == 5
    assert facts["of these, with another target"] == 2


def test_repeated_ids_are_counted(write, ask, frame):
    again = frame.iloc[:2].assign(calls="77")
    facts = findings(ask(id="customer"), write(pd.concat([frame, again])))["duplicates"].facts
    assert facts["rows that share their customer with an earlier row"] == 2


def test_the_split_is_told_with_the_shares_of_the_classes(write, ask, frame):
    facts = findings(ask(id="customer"), write(frame))["split"].facts
    assert facts["train rows"] + facts["holdout rows"] == 200
    assert {"share of train with y = yes", "share of holdout with y = no"} <= set(facts)


def test_gaps_are_listed_the_most_first(write, ask, frame):
    frame.loc[:150, "calls"] = ""
    found = findings(ask(id="customer"), write(frame))
    assert [row[0] for row in found["missing"].rows] == ["calls", "plan"]
    assert found["missing_drawn"].kind == "figure"


def test_without_gaps_there_is_nothing_to_draw(write, ask, frame):
    found = findings(ask(id="customer"), write(frame.drop(columns="plan")))
    assert found["missing"].rows == []
    assert found["missing_drawn"].kind == "note"


def test_markup_in_data_stays_text(write, ask, frame):
    evil = "<img src=x onerror=alert(1)>"
    frame = frame.rename(columns={"plan": evil})
    frame[evil] = frame[evil] + "<script>"
    for finding in findings(ask(id="customer"), write(frame)).values():
        html = finding_html(finding)
        assert "<img" not in html
        assert "<script" not in html


def test_nothing_shown_names_the_machine(write, ask, frame):
    root = write(frame)
    assert str(root) not in canonical_json(findings(ask(id="customer"), root))


def test_a_request_that_notes_its_reads_does_as_well(write, ask, frame):
    root = write(frame)
    proxy, reads = track_reads(ask(id="customer"))
    assert canonical_json(findings(proxy, root)) == canonical_json(findings(ask(id="customer"), root))
    assert {"data.path", "data.target", "split.by", "split.holdout", "folds"} <= set(reads)
    assert not {"seed", "cost", "name"} & set(reads)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a,z\n1,2\n", "data.target: there is no column 'y'"),
        ("a,y\n1,u\n2,u\n3,u\n", "is 'u' in all 3 rows"),
        ("a,y\n1,\n2,\n", "missing in all 2 rows"),
        ("a,y\n" + "".join(f"{i},{i}.25\n" for i in range(60)), "a quantity"),
        ("a,y\n1,u\n", "nothing to tell apart"),
        ("y\nu\nv\n", "nothing is left to predict from"),
    ],
)
def test_data_that_cannot_answer_ends_in_words(content, words, write, ask):
    with pytest.raises(DataError) as caught:
        ingest(ask(), write(content))
    assert words in str(caught.value)
    assert caught.value.exit_code == 2


def test_names_in_any_script_go_all_the_way(write, ask, frame):
    frame = frame.rename(columns={"plan": "תוכנית", "calls": "📞", "y": "كنسل"})
    _, _, schema, snapshot = ingest(ask(id="customer", target="كنسل"), write(frame))
    assert schema.target == "كنسل"
    assert {"תוכנית", "📞"} <= set(snapshot.train.columns)
