"""The rehearsal: a packaged service is started and asked, before anyone relies on it. What it answers becomes findings."""

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
from glassbox.families.protocol import load_predictor
from glassbox.files import files_below, hash_tree, plain
from glassbox.findings.evidence import HashEvidence
from glassbox.findings.model import Estimates, Facts, Table
from glassbox.serving.example_rows import broken_row, example_rows
from glassbox.serving.latency import measure_latency
from glassbox.serving.openapi import fields
from glassbox.serving.package import Package
from glassbox.serving.process import running
from glassbox.serving.request_parsing import MAX_BODY_BYTES, admit, body_limit, picture_field
from glassbox.serving.service import records

JSON = {"content-type": "application/json"}
AT_ONCE = 50  # rows of one request: an answer should not take minutes


@dataclass(frozen=True)
class Rehearsal:
    """What a running service answered: `parity` and `refusals` are the same at every run, `latency` is measured."""

    parity: Facts
    refusals: Table
    latency: Estimates


def rehearse(package: Package, model: Path, *, parity_rows: int = 200, requests: int = 500) -> Rehearsal:
    """Start the service of a package, hold its answers against the model's own, send it what does not fit, and time it.

    Parameters
    ----------
    package : Package
        The package that is served. Rows are made from its schema; no row of the data is sent.
    model : Path
        The folder of the model that was evaluated.
    parity_rows : int
        Rows whose predictions are compared.
    requests : int
        Requests that are timed.

    Raises
    ------
    GlassboxError
        When the service does not start, or answers otherwise than the model does.
    """
    rows = example_rows(package.schema, parity_rows)
    with running(package.folder) as url:
        return Rehearsal(
            parity=parity(url, rows, model, package.schema),
            refusals=refusals(url, rows[0], package.schema),
            latency=measure_latency(url, rows, requests),
        )


def worth_asking(schema: Schema) -> tuple[int, int]:
    """How many rows are compared, and how many requests timed: fewer where a row holds a picture, which takes long to answer."""
    return (40, 120) if body_limit(schema) > MAX_BODY_BYTES else (200, 500)


def parity(url: str, rows: Sequence[Mapping[str, Any]], model: Path, schema: Schema) -> Facts:
    """Whether the service answers exactly as the model does when it is asked directly.

    Raises
    ------
    GlassboxError
        When any value differs: what is served would not be what was evaluated.
    """
    predictor, own, said = load_predictor(model), list[Any](), list[Any]()
    with httpx.Client(base_url=url, trust_env=False, timeout=120) as client:
        for start in range(0, len(rows), AT_ONCE):
            some = list(rows[start : start + AT_ONCE])
            response = client.post("/predict", content=json.dumps({"rows": some}).encode(), headers=JSON)
            if response.status_code != 200:
                raise GlassboxError(f"{url}/predict answered {response.status_code}: {response.text[:200]}")
            answer = response.json()
            said += answer["predictions"]
            own += records(predictor.predict(admit(some, schema)[0]))  # the same rows together: sums may depend on it
    differing = sum(a != b for a, b in zip(own, said, strict=True))
    if differing or answer["model"] != hash_tree(model):
        raise GlassboxError(
            f"The service answers {differing} of {len(own)} rows otherwise than the evaluated model, or serves another one "
            f"({answer['model'][:12]}, evaluated: {hash_tree(model)[:12]}). It must not be deployed; write the package again."
        )
    return Facts(
        title="The service answers as the model does",
        say=f"All {len(own):,} predictions over HTTP are equal to the evaluated model's own, to the last digit.",
        facts={"Rows compared": len(own), "Rows that differ": differing, "Model served": answer["model"][:12]},
    )


def served_facts(evaluated: Path, served: Path) -> Facts:
    """Whether what is served is what was evaluated, or its declared update.

    Raises
    ------
    GlassboxError
        When it is another model, and does not say that it was brought up to date.
    """
    hashes = hash_tree(evaluated), hash_tree(served)
    said = load_predictor(served).refit_note
    if hashes[0] != hashes[1] and not said:
        raise GlassboxError(
            "What would be served is not the model that was evaluated, and no update of it either; run evaluate again."
        )
    same = hashes[0] == hashes[1]
    return Facts(
        title="What is served",
        say="The model that was evaluated, byte for byte." if same else said,
        facts={
            "Model evaluated (SHA-256)": hashes[0],
            "Model served (SHA-256)": hashes[1],
            "The same": "yes" if same else "its update",
        },
        evidence=HashEvidence(of="model", digest=hashes[0]),
    )


def refusals(url: str, row: Mapping[str, Any], schema: Schema) -> Table:
    """What the service answers to requests that do not fit, and to values that it was not trained on."""
    first = next(iter(row))
    asked: list[tuple[str, bytes, str]] = [
        ("A row that fits", _json(row), "application/json"),
        ("A value that cannot be read", _json(broken_row(dict(row), schema)), "application/json"),
        ("A field left out", _json({name: value for name, value in row.items() if name != first}), "application/json"),
        ("A field too many", _json({**row, "colour of hair": "red"}), "application/json"),
        ("Not a number", _json(row).replace(b"{", b'{"x": NaN, ', 1), "application/json"),
        ("A form, not JSON", b"a=1", "application/x-www-form-urlencoded"),
        ("More than it takes", b" " * (body_limit(schema) + 1), "application/json"),
    ]
    if picture_field(schema):
        picture = base64.b64decode(str(row[first]))
        asked += [
            ("The bytes of a picture", picture, "image/png"),
            ("A picture that is cut off", picture[: len(picture) // 2], "image/png"),
            ("A picture that would fill the memory", _bomb(picture), "image/png"),
            ("Text that says it is a picture", b"no picture", "image/jpeg"),
        ]
    lines = []
    with httpx.Client(base_url=url, trust_env=False, timeout=60) as client:
        for what, body, kind in asked:
            response = client.post("/predict", content=body, headers={"content-type": kind})
            said = response.json()
            lines.append({"sent": what, "status": response.status_code, "answer": said.get("detail", "a prediction")})
    return Table.of(
        pd.DataFrame(lines),
        "At the door",
        say="A row that does not fit is refused, and the answer names the field, what was found and what was expected.",
    )


def _bomb(png: bytes) -> bytes:
    """A PNG whose head promises far more pixels than it holds."""
    head = b"IHDR" + struct.pack(">II", 60_000, 60_000) + png[24:29]
    return png[:12] + head + struct.pack(">I", zlib.crc32(head)) + png[33:]


def _json(value: Mapping[str, Any]) -> bytes:
    return json.dumps(dict(value), ensure_ascii=False).encode("utf-8")


def package_facts(package: Package) -> Facts:
    """What a package holds, and by which hash it is known."""
    sizes = {name: path.stat().st_size for name, path in files_below(package.folder)}
    libraries = (package.folder / "requirements.txt").read_text(encoding="utf-8").count("==")
    return Facts(
        title="The package",
        say=f"The evaluated model, {libraries} pinned libraries and everything else that serving needs, in one folder.",
        facts={
            "Name": package.name,
            "Version": package.version,
            "Model (SHA-256)": package.model,
            "Files": len(sizes),
            "Size": f"{sum(sizes.values()) / 1e6:.1f} MB",
            "Libraries, pinned by hash": libraries,
            "Started by": f"glassbox serve {package.name}, or its Dockerfile",
        },
        evidence=HashEvidence(of="model", digest=package.model),
    )


def contract_table(schema: Schema) -> Table:
    """The fields that a caller has to send: what each takes, and what the training data held."""
    rows = []
    for field in fields(schema):
        low, high = field.get("low", field.get("low_date")), field.get("high", field.get("high_date"))
        if low is not None:
            held = f"{plain(low)} to {plain(high)}" if isinstance(low, str) else f"{low:g} to {high:g}"
        else:
            held = f"{len(field['categories']):,} categories" if field.get("categories") else ""
        rows.append(
            {
                "field": field["name"],
                "kind": field["kind"],
                "takes": field["expected"],
                "in training": held,
                "missing there": field["missing_in_training"],
            }
        )
    return Table.of(
        pd.DataFrame(rows, columns=["field", "kind", "takes", "in training", "missing there"]),
        "What a caller sends",
        say=f"{len(rows)} fields, each sent by name; one whose value is not known is sent as null.",
        formats={"missing there": ".1%"},
    )
