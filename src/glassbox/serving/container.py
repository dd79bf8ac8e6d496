"""Dockerfile and README of a package."""

import json
from collections.abc import Mapping
from typing import Any

# System libraries that wheels need and the slim image lacks.
SYSTEM_LIBRARIES = {"lightgbm": "libgomp1"}
# Files that running the package may create in its folder.
DOCKERIGNORE = "**/__pycache__\n.venv\n"

_DOCKERFILE = """\
FROM python:3.11-slim

ENV PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1 OMP_NUM_THREADS=1
WORKDIR /srv
{system}COPY requirements.txt .
RUN pip install --no-cache-dir --no-deps --require-hashes --only-binary=:all: -r requirements.txt
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin glassbox
COPY . package
ENV PYTHONPATH=/srv/package/code
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=30s --timeout=3s --start-period=30s \\
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/health', timeout=2)"]
CMD ["python", "-m", "glassbox.serving", "/srv/package", "--host", "0.0.0.0", "--port", "8000"]
"""

_README = """\
# {name}

{problem}

This package contains the evaluated model and everything needed to serve it. The hash of the model is `{model}`. `manifest.json` holds
the hash of every file, and the service starts only if all files match.

## Start the service

In a container:

    docker build -t {name} .
    docker run --rm -p 127.0.0.1:8000:8000 {name}

Or with Python 3.11:

    python3.11 -m venv .venv
    .venv/bin/pip install --no-deps --require-hashes -r requirements.txt
    PYTHONPATH=code .venv/bin/python -m glassbox.serving . --port 8000

## Request predictions

    curl -H 'content-type: application/json' --data @example.json http://127.0.0.1:8000/predict

`example.json` is one row, generated from the schema:

```json
{example}
```

Send several rows as `{{"rows": [...]}}`. The response contains one prediction per row, in order, the hash of the model, and warnings
for values that do not occur in the training data. An invalid row gets status 422; the response names the row, the field, the value
found and the value expected.

- `GET /schema`: the fields of a row, their expected values, and the columns of a prediction
- `GET /health`: the status of the service and the model that it serves
- `GET /openapi.json`: the OpenAPI description of the service

The service does not store or log requests. It has no authentication: run it behind the gateway that protects your other services.
"""


def dockerfile(versions: Mapping[str, str]) -> str:
    """Return the Dockerfile of a package with the libraries `versions`: wheels verified by hash, and no root user at run time."""
    packages = sorted({library for name, library in SYSTEM_LIBRARIES.items() if name in versions})
    install = (
        f"RUN apt-get update && apt-get install -y --no-install-recommends {' '.join(packages)} && rm -rf /var/lib/apt/lists/*\n"
    )
    return _DOCKERFILE.format(system=install if packages else "")


def readme(request: Mapping[str, Any], example: Mapping[str, Any], model: str) -> str:
    """Return the README of a package, with instructions to start and call the service."""
    return _README.format(
        name=request["name"],
        problem=request.get("problem") or "",
        model=model,
        example=json.dumps(example, ensure_ascii=False, indent=2),
    )
