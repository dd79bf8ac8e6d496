"""The files beside a packaged model that people and container engines read: Dockerfile and README."""

import json
from collections.abc import Mapping
from typing import Any

# Wheels that need a system library which the slim image lacks.
SYSTEM = {"lightgbm": "libgomp1"}
# What those who run the package may leave in its folder is no part of it.
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

The model that was evaluated, ready to serve. Its hash is `{model}`; `manifest.json` holds the hash of every file here,
and the service starts only when all of them are as written.

## Start it

In a container:

    docker build -t {name} .
    docker run --rm -p 127.0.0.1:8000:8000 {name}

Or with Python 3.11:

    python3.11 -m venv .venv
    .venv/bin/pip install --no-deps --require-hashes -r requirements.txt
    PYTHONPATH=code .venv/bin/python -m glassbox.serving . --port 8000

## Ask it

    curl -H 'content-type: application/json' --data @example.json http://127.0.0.1:8000/predict

`example.json` is one row, made from the schema:

```json
{example}
```

Several rows go as `{{"rows": [...]}}`. The answer holds one prediction a row, in order, the hash of the model, and warnings
where a value is unlike any that the model was trained on. A row that does not fit gets status 422, which names the row, the
field, what was found and what was expected.

- `GET /schema`: the fields, what they take, and what comes back
- `GET /health`: whether it stands, and which model it serves
- `GET /openapi.json`: the same for programs

It keeps nothing of what it is asked, and has no password: put it behind whatever guards your other services.
"""


def dockerfile(versions: Mapping[str, str]) -> str:
    """The Dockerfile of a package whose libraries are `versions`: hashed wheels only, and no root at run time."""
    needed = sorted({library for name, library in SYSTEM.items() if name in versions})
    install = (
        f"RUN apt-get update && apt-get install -y --no-install-recommends {' '.join(needed)} && rm -rf /var/lib/apt/lists/*\n"
    )
    return _DOCKERFILE.format(system=install if needed else "")


def readme(request: Mapping[str, Any], example: Mapping[str, Any], model: str) -> str:
    """How to start and call the service of a package."""
    return _README.format(
        name=request["name"],
        problem=request.get("problem") or "",
        model=model,
        example=json.dumps(example, ensure_ascii=False, indent=2),
    )
