"""The ingest stage from a file to snapshots and findings."""

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
    raw, _ = read(request, root)
    parts = split(raw.cells, request)
    schema = infer_schema(parts.train, request)
    return raw, parts, schema, conform_parts(parts, schema)


def findings(request, root):
    raw, parts, schema, snapshot = ingest(request, root)
    return {
        "data_summary": quality.data_summary(raw, parts),
        "expected_size": quality.size_check(raw, request),
        "quarantine": quality.quarantine(raw),
        "repairs": quality.repairs(raw, snapshot),
        "types": quality.types(schema),
        "missing": quality.missing(schema, snapshot),
        "missing_plot": quality.missing_plot(schema),
        "duplicates": quality.duplicates(parts, schema),
        "split": quality.split_summary(parts, request, schema),
    }


def test_products_do_not_depend_on_the_order_of_rows(write, make_request, frame, tmp_path):
    request = make_request(id="customer")
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


def test_snapshots_contain_row_id_first_and_all_columns(write, make_request, frame):
    _, parts, schema, snapshot = ingest(make_request(id="customer"), write(frame))
    assert snapshot.train.columns.tolist() == ["row_id", *frame.columns]
    assert snapshot.train["row_id"].is_monotonic_increasing
    assert snapshot.train["charge"].dtype == "float64"
    assert len(snapshot.train) + len(snapshot.holdout) == len(parts.table) == len(frame)
    assert schema.column("since").kind == "date"


def test_the_schema_does_not_depend_on_the_holdout(write, make_request, frame):
    request = make_request(id="customer")
    _, parts, schema, _ = ingest(request, write(frame))
    held_out = set(parts.holdout["customer"])
    changed = frame.copy()
    changed.loc[changed["customer"].isin(held_out), "calls"] = "999999"
    changed.loc[changed["customer"].isin(held_out), "plan"] = "secret"
    _, _, changed_schema, _ = ingest(request, write(changed))
    assert canonical_json(changed_schema) == canonical_json(schema)


def test_rows_without_a_target_are_quarantined(write, make_request, frame):
    frame.loc[[3, 7], "y"] = ["", "  "]
    raw, _, _, snapshot = ingest(make_request(id="customer"), write(frame))
    assert raw.quarantine[["line", "reason"]].to_numpy().tolist() == [
        [5, "the target is missing"],
        [9, "the target is missing"],
    ]
    assert len(snapshot.train) + len(snapshot.holdout) == len(frame) - 2
    assert "2 rows of 200 were quarantined" in quality.quarantine(raw).say


def test_rows_without_a_time_are_quarantined_in_a_split_by_time(write, make_request, frame):
    frame.loc[3, "since"] = "soon"
    raw, *_ = ingest(make_request(id="customer", split=Split(by="time", column="since", cutoff="2010-01-01")), write(frame))
    assert raw.quarantine["line"].tolist() == [5]


def test_values_that_became_missing_are_reported_by_column(write, make_request, frame):
    frame["calls"] = frame["calls"].where(frame.index != 9, "inf")
    frame["nothing"] = ""
    frame["always"] = "x"
    raw, _, _, snapshot = ingest(make_request(id="customer"), write(frame))
    lines = quality.repairs(raw, snapshot).lines
    assert [line.partition(":")[0] for line in lines] == ["plan", "calls", "nothing", "always"]
    assert "read as missing: 'N/A'" in lines[0]
    assert "'inf'" in lines[1]


def test_the_expected_size_is_checked_within_a_factor_of_two(write, make_request, frame):
    root = write(frame)
    raw, _ = read(make_request(id="customer"), root)
    assert quality.size_check(raw, make_request()).kind == "note"
    assert quality.size_check(raw, make_request(size="400 rows")).facts["as expected"] is True
    too_small = quality.size_check(raw, make_request(size="401 rows"))
    assert (too_small.facts["as expected"], "fewer" in too_small.say) == (False, True)


def test_duplicate_rows_are_counted(write, make_request, frame):
    again = frame.iloc[[0, 0, 1]].copy()
    again["customer"] = ["C-x", "C-y", "C-z"]
    again["y"] = [frame["y"][0], frame["y"][0], "no" if frame["y"][1] == "yes" else "yes"]
    request = make_request(id="customer")
    facts = findings(request, write(pd.concat([frame, again])))["duplicates"].facts
    assert facts["rows with the features of another"] == 5
    assert facts["of these, with another target"] == 2


def test_repeated_ids_are_counted(write, make_request, frame):
    again = frame.iloc[:2].assign(calls="77")
    facts = findings(make_request(id="customer"), write(pd.concat([frame, again])))["duplicates"].facts
    assert facts["rows that share their customer with an earlier row"] == 2


def test_the_split_finding_contains_the_shares_of_the_classes(write, make_request, frame):
    facts = findings(make_request(id="customer"), write(frame))["split"].facts
    assert facts["train rows"] + facts["holdout rows"] == 200
    assert {"share of train with y = yes", "share of holdout with y = no"} <= set(facts)


def test_columns_are_sorted_by_missing_values(write, make_request, frame):
    frame.loc[:150, "calls"] = ""
    shown = findings(make_request(id="customer"), write(frame))
    assert [row[0] for row in shown["missing"].rows] == ["calls", "plan"]
    assert shown["missing_plot"].kind == "figure"


def test_the_plot_is_a_note_without_missing_values(write, make_request, frame):
    shown = findings(make_request(id="customer"), write(frame.drop(columns="plan")))
    assert shown["missing"].rows == []
    assert shown["missing_plot"].kind == "note"


def test_markup_in_data_is_escaped(write, make_request, frame):
    markup = "<img src=x onerror=alert(1)>"
    frame = frame.rename(columns={"plan": markup})
    frame[markup] = frame[markup] + "<script>"
    for finding in findings(make_request(id="customer"), write(frame)).values():
        html = finding_html(finding)
        assert "<img" not in html
        assert "<script" not in html


def test_findings_contain_no_absolute_path(write, make_request, frame):
    root = write(frame)
    assert str(root) not in canonical_json(findings(make_request(id="customer"), root))


def test_findings_are_the_same_with_a_recorded_request(write, make_request, frame):
    root = write(frame)
    proxy, reads = track_reads(make_request(id="customer"))
    assert canonical_json(findings(proxy, root)) == canonical_json(findings(make_request(id="customer"), root))
    assert {"data.path", "data.target", "split.by", "split.holdout", "folds"} <= set(reads)
    assert not {"seed", "cost", "name"} & set(reads)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("a,z\n1,2\n", "data.target: there is no column 'y'"),
        ("a,y\n1,u\n2,u\n3,u\n", "is 'u' in all 3 rows"),
        ("a,y\n1,\n2,\n", "missing in all 2 rows"),
        ("a,y\n" + "".join(f"{i},{i}.25\n" for i in range(60)), "look like a quantity"),
        ("a,y\n1,u\n", "at least two different values"),
        ("y\nu\nv\n", "there is no feature besides the target"),
    ],
)
def test_unusable_data_is_a_data_error(content, words, write, make_request):
    with pytest.raises(DataError) as caught:
        ingest(make_request(), write(content))
    assert words in str(caught.value)
    assert caught.value.exit_code == 2


def test_column_names_in_any_script_are_preserved(write, make_request, frame):
    frame = frame.rename(columns={"plan": "תוכנית", "calls": "📞", "y": "كنسل"})
    _, _, schema, snapshot = ingest(make_request(id="customer", target="كنسل"), write(frame))
    assert schema.target == "كنسل"
    assert {"תוכנית", "📞"} <= set(snapshot.train.columns)
