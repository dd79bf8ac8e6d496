"""Smoke test of a package: start its service, send valid and invalid requests, and report the responses as findings."""

import base64
import json
import struct
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pandas as pd

from glassbox.data.schema import Schema
from glassbox.errors import GlassboxError
from glassbox.families.predictor_protocol import load_predictor
from glassbox.files import files_below, hash_tree, plain
from glassbox.findings.evidence import HashEvidence
from glassbox.findings.model import Estimates, Facts, Table
from glassbox.request.model import Cost
from glassbox.serving.example_rows import broken_row, example_rows
from glassbox.serving.latency import measure_latency
from glassbox.serving.openapi import fields
from glassbox.serving.package import Package
from glassbox.serving.process import running_service
from glassbox.serving.request_parsing import MAX_BODY_BYTES, body_limit, picture_field, validate_rows
from glassbox.serving.service import to_records

JSON = {"content-type": "application/json"}
ROWS_PER_REQUEST = 50  # keeps the response time of a request well below a minute


@dataclass(frozen=True)
class SmokeTest:
    """Results of a smoke test: `parity` and `rejections` are reproducible, `latency` is measured."""

    parity: Facts
    rejections: Table
    latency: Estimates


def run_smoke_test(package: Package, model: Path, *, parity_rows: int = 200, requests: int = 500) -> SmokeTest:
    """Start the service of a package, compare its predictions with the model's, send invalid requests, and measure the latency.

    Parameters
    ----------
    package : Package
        The package to serve. The rows are generated from its schema; no row of the data is sent.
    model : Path
        The folder of the evaluated model.
    parity_rows : int
        The number of rows whose predictions are compared.
    requests : int
        The number of timed requests.

    Raises
    ------
    GlassboxError
        The service does not start, or its predictions differ from those of the model.
    """
    rows = example_rows(package.schema, parity_rows)
    with running_service(package.folder) as url:
        return SmokeTest(
            parity=check_parity(url, rows, model, package.schema),
            rejections=check_rejections(url, rows[0], package.schema),
            latency=measure_latency(url, rows, requests),
        )


def smoke_test_sizes(schema: Schema, cost: Cost) -> tuple[int, int]:
    """Return the number of compared rows and of timed requests; fewer for picture models, whose predictions are slow."""
    if body_limit(schema) > MAX_BODY_BYTES:
        return 40, 120
    return (100, 200) if cost == "low" else (200, 500)


def check_parity(url: str, rows: Sequence[Mapping[str, Any]], model: Path, schema: Schema) -> Facts:
    """Check that the service returns exactly the predictions of the model.

    Raises
    ------
    GlassboxError
        A prediction differs, so that the served model is not the evaluated model.
    """
    predictor, expected, served = load_predictor(model), list[Any](), list[Any]()
    with httpx.Client(base_url=url, trust_env=False, timeout=120) as client:
        for start in range(0, len(rows), ROWS_PER_REQUEST):
            batch = list(rows[start : start + ROWS_PER_REQUEST])
            response = client.post("/predict", content=json.dumps({"rows": batch}).encode(), headers=JSON)
            if response.status_code != 200:
                raise GlassboxError(f"{url}/predict returned status {response.status_code}; expected 200: {response.text[:200]}")
            content = response.json()
            served += content["predictions"]
            # Predicted in the same batches, because the last digits of a sum may depend on the batch.
            expected += to_records(predictor.predict(validate_rows(batch, schema)[0]))
    differing = sum(a != b for a, b in zip(expected, served, strict=True))
    if differing or content["model"] != hash_tree(model):
        raise GlassboxError(
            f"The service differs from the evaluated model in {differing} of {len(expected)} predictions, or serves another model "
            f"({content['model'][:12]}, evaluated: {hash_tree(model)[:12]}). It must not be deployed; build the package again."
        )
    return Facts(
        title="Prediction parity",
        say=f"All {len(expected):,} predictions over HTTP are identical to those of the evaluated model.",
        facts={"Rows compared": len(expected), "Rows that differ": differing, "Model served": content["model"][:12]},
    )


def served_facts(evaluated: Path, served: Path) -> Facts:
    """Check that the served model is the evaluated model or its declared refit.

    Raises
    ------
    GlassboxError
        The served model is another model and does not declare that it was refitted.
    """
    hashes = hash_tree(evaluated), hash_tree(served)
    refit_note = load_predictor(served).refit_note
    if hashes[0] != hashes[1] and not refit_note:
        raise GlassboxError("The model to serve is neither the evaluated model nor a declared refit of it; run evaluate again.")
    same = hashes[0] == hashes[1]
    return Facts(
        title="Served model",
        say="The served model is identical to the evaluated model." if same else refit_note,
        facts={
            "Model evaluated (SHA-256)": hashes[0],
            "Model served (SHA-256)": hashes[1],
            "Identical": "yes" if same else "no, refitted",
        },
        evidence=HashEvidence(of="model", digest=hashes[0]),
    )


def check_rejections(url: str, row: Mapping[str, Any], schema: Schema) -> Table:
    """Send valid and invalid requests and return the status and message of each response."""
    first = next(iter(row))
    cases: list[tuple[str, bytes, str]] = [
        ("Valid row", _json(row), "application/json"),
        ("Invalid value", _json(broken_row(dict(row), schema)), "application/json"),
        ("Missing field", _json({name: value for name, value in row.items() if name != first}), "application/json"),
        ("Unknown field", _json({**row, "unknown field": "red"}), "application/json"),
        ("NaN", _json(row).replace(b"{", b'{"x": NaN, ', 1), "application/json"),
        ("Form data instead of JSON", b"a=1", "application/x-www-form-urlencoded"),
        ("Body too large", b" " * (body_limit(schema) + 1), "application/json"),
    ]
    if picture_field(schema):
        picture = base64.b64decode(str(row[first]))
        cases += [
            ("Picture bytes", picture, "image/png"),
            ("Truncated picture", picture[: len(picture) // 2], "image/png"),
            ("Decompression bomb", _decompression_bomb(picture), "image/png"),
            ("Text declared as a picture", b"no picture", "image/jpeg"),
        ]
    rows = []
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        for case, body, content_type in cases:
            response = client.post("/predict", content=body, headers={"content-type": content_type})
            message = response.json().get("detail", "a prediction")
            rows.append({"request": case, "status": response.status_code, "response": message})
    return Table.of(
        pd.DataFrame(rows),
        "Input validation",
        say="Invalid requests are rejected; the response names the field, the value found and the value expected.",
    )


def _decompression_bomb(png: bytes) -> bytes:
    """Return a PNG whose header declares far more pixels than the file contains."""
    header = b"IHDR" + struct.pack(">II", 60_000, 60_000) + png[24:29]
    return png[:12] + header + struct.pack(">I", zlib.crc32(header)) + png[33:]


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(dict(value), ensure_ascii=False).encode("utf-8")


def package_facts(package: Package) -> Facts:
    """Summarise the content of a package and its hashes."""
    sizes = {name: path.stat().st_size for name, path in files_below(package.folder)}
    libraries = (package.folder / "requirements.txt").read_text(encoding="utf-8").count("==")
    return Facts(
        title="Model package",
        say=f"The package contains the model, its serving code and the list of {libraries} pinned libraries, in one folder.",
        facts={
            "Name": package.name,
            "Version": package.version,
            "Model (SHA-256)": package.model,
            "Files": len(sizes),
            "Size": f"{sum(sizes.values()) / 1e6:.1f} MB",
            "Libraries pinned by hash": libraries,
            "Start with": f"glassbox serve {package.name}, or its Dockerfile",
        },
        evidence=HashEvidence(of="model", digest=package.model),
    )


def contract_table(schema: Schema) -> Table:
    """Return the fields of a request as a table: the expected values, and the values in the training data."""
    rows = []
    for field in fields(schema):
        low, high = field.get("low", field.get("low_date")), field.get("high", field.get("high_date"))
        if low is not None:
            training_values = f"{plain(low)} to {plain(high)}" if isinstance(low, str) else f"{low:g} to {high:g}"
        else:
            training_values = f"{len(field['categories']):,} categories" if field.get("categories") else ""
        rows.append(
            {
                "field": field["name"],
                "kind": field["kind"],
                "expected": field["expected"],
                "in training data": training_values,
                "missing in training data": field["missing_in_training"],
            }
        )
    return Table.of(
        pd.DataFrame(rows, columns=["field", "kind", "expected", "in training data", "missing in training data"]),
        "Request schema",
        say=f"A request has {len(rows)} fields, each sent by name; an unknown value is sent as null.",
        formats={"missing in training data": ".1%"},
    )
