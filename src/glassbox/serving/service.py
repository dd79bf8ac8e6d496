"""The HTTP service of a package. All responses are JSON; requests are neither stored nor logged."""

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
    RequestRejectedError,
    body_limit,
    parse_rows,
    picture_field,
    picture_row,
    validate_rows,
)

MAX_WARNINGS = 200
BODY_SECONDS = 10.0  # time limit for receiving a request body
MAX_REQUESTS = 100  # predictions that are in progress or waiting; a further one gets status 503
DRAIN = 16  # multiple of the size limit that is read and discarded, so that the sender receives the error response
BUSY = f"The service is busy with {MAX_REQUESTS} requests. Send the request again later."
log = logging.getLogger("glassbox.serving")


def create_app(folder: Path) -> FastAPI:
    """Create the service of the package in `folder`.

    Raises
    ------
    GlassboxError
        A file of the package does not match its manifest.
    """
    package = read_package(folder)
    example = example_rows(package.schema)[0]
    returns = prediction_schema(package, example)
    places = anyio.CapacityLimiter(MAX_REQUESTS)
    one_at_a_time = anyio.CapacityLimiter(1)  # predictors need not be thread-safe; /health responds in the meantime
    # FastAPI's documentation pages are disabled because they load scripts from other servers.
    problem = package.request.get("problem") or ""
    app = FastAPI(title=package.name, version=package.version, description=problem, docs_url=None, redoc_url=None)

    @app.get("/health", response_class=Response, responses=openapi.health(), description=openapi.HEALTH)
    async def health() -> Response:
        return json_response(200, health_content(package))

    @app.get("/schema", response_class=Response, description=openapi.SCHEMA)
    async def schema() -> Response:
        return json_response(200, {"row": openapi.fields(package.schema), "prediction": returns, "example": example})

    @app.post(
        "/predict",
        response_class=Response,
        responses=openapi.predict_responses(returns, body_limit(package.schema)),
        openapi_extra={"requestBody": openapi.predict_body(package.schema, example)},
        description=openapi.PREDICT,
    )
    async def predict(request: Request) -> Response:
        try:
            places.acquire_on_behalf_of_nowait(request)
        except anyio.WouldBlock:
            return json_response(503, {"detail": BUSY, "problems": []}, {"retry-after": "1"})
        try:
            field = check_headers(request.headers, package.schema)
            body = await read_body(request, body_limit(package.schema))
            return await anyio.to_thread.run_sync(predict_response, package, body, field, limiter=one_at_a_time)
        except RequestRejectedError as rejection:
            problems = [asdict(problem) for problem in rejection.problems]
            return json_response(rejection.status, {"detail": rejection.detail, "problems": problems})
        finally:
            places.release_on_behalf_of(request)

    return app


def health_content(package: Package) -> dict[str, Any]:
    """Return the status of the service and the model that it serves."""
    return {
        "status": "ok",
        "name": package.name,
        "model": package.model,
        "version": package.version,
        "code": "as packaged" if package.same_code else "not as packaged",
    }


def predict_response(package: Package, body: bytes, field: str | None = None) -> Response:
    """Predict the rows of a request body: JSON, or the bytes of a picture for `field`.

    Raises
    ------
    RequestRejectedError
        The body does not contain rows that match the schema.
    """
    try:
        rows = picture_row(body, field) if field else parse_rows(body, package.predictor.expand_query)
        frame, warnings = validate_rows(rows, package.schema)
        predictions = package.predictor.predict(frame)
    except RequestRejectedError:
        raise
    except Exception as error:  # a failed request gets status 500 and a log entry; the service continues
        # The message and the values of the traceback may contain the caller's data: only the code locations are logged.
        locations = " < ".join(
            f"{f.name} ({Path(f.filename).name}:{f.lineno})" for f in traceback.extract_tb(error.__traceback__)
        )
        log.error("A prediction failed with %s at %s", type(error).__name__, locations)
        detail = f"The model failed on valid rows ({type(error).__name__}). The log of the service contains the code location."
        return json_response(500, {"detail": detail, "problems": []})
    content: dict[str, Any] = {"model": package.model, "predictions": to_records(predictions)}
    content["warnings"] = [asdict(warning) for warning in warnings[:MAX_WARNINGS]]
    if len(warnings) > MAX_WARNINGS:
        content["warnings_left_out"] = len(warnings) - MAX_WARNINGS
    return json_response(200, content)


def to_records(predictions: pd.DataFrame) -> list[dict[str, Any]]:
    """Convert predictions to JSON objects, one per row; missing and infinite values become null."""
    names = [str(name) for name in predictions.columns]
    columns = [plain(predictions[name].tolist()) for name in predictions.columns]
    return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]


def prediction_schema(package: Package, example: Mapping[str, Any]) -> dict[str, str]:
    """Return the columns of a prediction with their types (``number``, ``text`` or ``list``), from a prediction of the example row."""
    frame, _ = validate_rows([example], package.schema)
    row = to_records(package.predictor.predict(frame))[0]
    kinds: dict[type, str] = {str: "text", list: "list"}
    return {name: kinds.get(type(value), "number") for name, value in row.items()}


def check_headers(headers: Mapping[str, str], schema: Schema) -> str | None:
    """Check the content type and encoding; return the name of the picture field if the body is the bytes of a picture, else None.

    Raises
    ------
    RequestRejectedError
        Status 415, with the header to send.
    """
    kind, *parameters = [part.strip().lower() for part in headers.get("content-type", "").split(";")]
    field = picture_field(schema)
    identity = headers.get("content-encoding", "identity").lower() == "identity"
    if field and identity and (kind.startswith("image/") or kind == "application/octet-stream"):
        return field
    if kind != "application/json" and not (kind.startswith("application/") and kind.endswith("+json")):
        received = f"content-type {kind[:80]}" if kind else "no content-type"
        more = ", or the bytes of a picture, with content-type: image/jpeg or image/png" if field else ""
        raise RequestRejectedError(415, f"Found {received}; send JSON, with the header content-type: application/json{more}.")
    charsets = [p.partition("=")[2].strip("\"' ") for p in parameters if p.startswith("charset")]
    if any(charset not in ("utf-8", "utf8", "us-ascii") for charset in charsets):
        raise RequestRejectedError(415, f"Found charset {charsets[0][:40]}; send UTF-8.")
    if not identity:
        raise RequestRejectedError(415, "Found a compressed request; send it without compression.")
    return None


async def read_body(request: Request, limit: int = MAX_BODY_BYTES) -> bytes:
    """Read the body of a request, up to `limit` bytes.

    Raises
    ------
    RequestRejectedError
        Status 413 if the body is larger, 408 if it does not arrive in time, 400 if the client disconnects.
    """
    too_large = RequestRejectedError(413, f"The request is larger than {limit:,} bytes; send fewer rows per request.")
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
        raise RequestRejectedError(408, f"The request did not arrive within {BODY_SECONDS:g} seconds.") from error
    except ClientDisconnect as error:
        raise RequestRejectedError(400, "The connection was closed before the request had arrived completely.") from error
    if size > limit:
        raise too_large
    return bytes(body)


def json_response(status: int, content: Any, headers: Mapping[str, str] | None = None) -> Response:
    """Create a JSON response in UTF-8; characters that cannot be encoded are escaped, and NaN becomes null."""
    text = json.dumps(plain(content), ensure_ascii=False, allow_nan=False)
    return Response(text.encode("utf-8", "backslashreplace"), status, headers, media_type="application/json")
