"""The service: a package behind HTTP. Every answer is JSON; what is asked is neither kept nor logged."""

import asyncio
import json
import logging
import traceback
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import anyio.to_thread
import pandas as pd
from fastapi import FastAPI, Request, Response
from starlette.requests import ClientDisconnect

from glassbox.data.schema import Schema
from glassbox.files import plain
from glassbox.serving import openapi
from glassbox.serving.example_rows import example_rows
from glassbox.serving.package import Package, read_package
from glassbox.serving.request_parsing import (
    MAX_BODY_BYTES,
    RefusedError,
    admit,
    body_limit,
    parse_rows,
    picture_field,
    picture_row,
)

MAX_WARNINGS = 200
BODY_SECONDS = 10.0  # a client that sends its request more slowly than this is let go
DRAIN = 16  # times as much as is taken is read on and thrown away, so that the sender hears why it was refused
log = logging.getLogger("glassbox.serving")


def create_app(folder: Path) -> FastAPI:
    """The service of the package in `folder`.

    Raises
    ------
    GlassboxError
        When a file of the package is not as its manifest says.
    """
    package = read_package(folder)
    example = example_rows(package.schema)[0]
    returns = prediction_schema(package, example)
    one_at_a_time = anyio.CapacityLimiter(1)  # predictors need not be safe for threads; health is answered meanwhile
    # No pages for people: FastAPI's load scripts from elsewhere.
    problem = package.request.get("problem") or ""
    app = FastAPI(title=package.name, version=package.version, description=problem, docs_url=None, redoc_url=None)

    @app.get("/health", response_class=Response, responses=openapi.health(), description=openapi.HEALTH)
    async def health() -> Response:
        return answer(200, health_of(package))

    @app.get("/schema", response_class=Response, description=openapi.SCHEMA)
    async def schema() -> Response:
        return answer(200, {"row": openapi.fields(package.schema), "prediction": returns, "example": example})

    @app.post(
        "/predict",
        response_class=Response,
        responses=openapi.predict_responses(returns, body_limit(package.schema)),
        openapi_extra={"requestBody": openapi.predict_body(package.schema, example)},
        description=openapi.PREDICT,
    )
    async def predict(request: Request) -> Response:
        try:
            field = check_headers(request.headers, package.schema)
            body = await read_body(request, body_limit(package.schema))
            return await anyio.to_thread.run_sync(predicted, package, body, field, limiter=one_at_a_time)
        except RefusedError as refused:
            problems = [asdict(problem) for problem in refused.problems]
            return answer(refused.status, {"detail": refused.detail, "problems": problems})

    return app


def health_of(package: Package) -> dict[str, Any]:
    """That the service stands, and what it serves."""
    return {
        "status": "ok",
        "name": package.name,
        "model": package.model,
        "version": package.version,
        "code": "as packaged" if package.same_code else "not as packaged",
    }


def predicted(package: Package, body: bytes, field: str | None = None) -> Response:
    """The answer to the body of a request: JSON, or the bytes of a picture for `field`.

    Raises
    ------
    RefusedError
        When the body does not hold rows that fit the schema.
    """
    try:
        rows = picture_row(body, field) if field else parse_rows(body, package.predictor.expand_query)
        frame, warnings = admit(rows, package.schema)
        predictions = package.predictor.predict(frame)
    except RefusedError:
        raise
    except Exception as error:  # one request's failure is its answer, 500, and a line in the log; the service goes on
        # The message and the traceback's values may hold the caller's data: only the places in the code are logged.
        places = " < ".join(f"{f.name} ({Path(f.filename).name}:{f.lineno})" for f in traceback.extract_tb(error.__traceback__))
        log.error("A prediction failed with %s at %s", type(error).__name__, places)
        detail = f"The model failed on rows that fit the schema ({type(error).__name__}). The service's log says where."
        return answer(500, {"detail": detail, "problems": []})
    content: dict[str, Any] = {"model": package.model, "predictions": records(predictions)}
    content["warnings"] = [asdict(warning) for warning in warnings[:MAX_WARNINGS]]
    if len(warnings) > MAX_WARNINGS:
        content["warnings_left_out"] = len(warnings) - MAX_WARNINGS
    return answer(200, content)


def records(predictions: pd.DataFrame) -> list[dict[str, Any]]:
    """A frame of predictions as JSON objects, one a row; what is missing or infinite is null."""
    names = [str(name) for name in predictions.columns]
    columns = [plain(predictions[name].tolist()) for name in predictions.columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def prediction_schema(package: Package, example: Mapping[str, Any]) -> dict[str, str]:
    """What the model's answer holds: name to ``number``, ``text`` or ``list``, found by asking it for the example row."""
    frame, _ = admit([example], package.schema)
    row = records(package.predictor.predict(frame))[0]
    kinds: dict[type, str] = {str: "text", list: "list"}
    return {name: kinds.get(type(value), "number") for name, value in row.items()}


def check_headers(headers: Mapping[str, str], schema: Schema) -> str | None:
    """Refuse what is neither plain JSON in UTF-8 nor, where a row is a picture, its bytes: the name of that field then.

    Raises
    ------
    RefusedError
        415, with the header to send.
    """
    kind, *parameters = [part.strip().lower() for part in headers.get("content-type", "").split(";")]
    field = picture_field(schema)
    identity = headers.get("content-encoding", "identity").lower() == "identity"
    if field and identity and (kind.startswith("image/") or kind == "application/octet-stream"):
        return field
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        found = f"content-type {kind[:80]}" if kind else "no content-type"
        more = ", or the bytes of a picture, with content-type: image/jpeg or image/png" if field else ""
        raise RefusedError(415, f"Found {found}; send JSON, with the header content-type: application/json{more}.")
    charsets = [p.partition("=")[2].strip("\"' ") for p in parameters if p.startswith("charset")]
    if any(charset not in ("utf-8", "utf8", "us-ascii") for charset in charsets):
        raise RefusedError(415, f"Found charset {charsets[0][:40]}; send UTF-8.")
    if not identity:
        raise RefusedError(415, "Found a compressed request; send it as it is.")
    return None


async def read_body(request: Request, limit: int = MAX_BODY_BYTES) -> bytes:
    """The body of a request, no further than `limit` bytes.

    Raises
    ------
    RefusedError
        413 when it is larger, 408 when it does not come, 400 when the sender goes away.
    """
    too_large = RefusedError(413, f"The request is larger than {limit:,} bytes; send fewer rows at a time.")
    body = bytearray()
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                size += len(chunk)
                if size <= limit:
                    body += chunk
                elif size > DRAIN * limit:
                    break
    except TimeoutError as error:
        raise RefusedError(408, f"The request did not arrive within {BODY_SECONDS:g} seconds.") from error
    except ClientDisconnect as error:
        raise RefusedError(400, "The connection was closed before the request had arrived.") from error
    if size > limit:
        raise too_large
    return bytes(body)


def answer(status: int, content: Any) -> Response:
    """A JSON answer: UTF-8 whatever the strings hold, and never NaN."""
    text = json.dumps(plain(content), ensure_ascii=False, allow_nan=False)
    return Response(text.encode("utf-8", "backslashreplace"), status, media_type="application/json")
