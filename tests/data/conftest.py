"""A small synthetic table of customers, and fixtures that write it and build requests."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from glassbox.request.model import Data, Request, Split


@pytest.fixture
def make_request() -> Callable[..., Request]:
    """Build a request for a classification of `y` in `data.csv`; `split` and `folds` are for the request, other keywords for `data`."""

    def make(*, split: Split | None = None, folds: int = 2, **data: Any) -> Request:
        data = {"path": "data.csv", "target": "y", **data}
        return Request(name="test", task="classification", data=Data(**data), split=split or Split(), folds=folds)

    return make


def customers(n: int = 200, seed: int = 1) -> pd.DataFrame:
    """Make customers as text cells: an id, money, a date, a category with missing values, a number and the target."""
    rng = random.Random(seed)
    rows = []
    for i in range(n):
        charge = rng.randrange(1000, 200_000) / 100
        rows.append(
            {
                "customer": f"C-{i:05d}",
                "charge": f"${charge:,.2f} ",
                "since": f"{rng.randrange(1, 29):02d}.{rng.randrange(1, 13):02d}.{rng.randrange(1990, 2020)}",
                "plan": rng.choice(["basic", "plus", "N/A", "max"]),
                "calls": str(rng.randrange(0, 40)),
                "y": rng.choice(["yes", "no", "no"]),
            }
        )
    return pd.DataFrame(rows)


@pytest.fixture
def frame() -> pd.DataFrame:
    return customers()


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    """Write a file into the folder of the project, and return the folder."""

    def put(content: bytes | str | pd.DataFrame, name: str = "data.csv") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, pd.DataFrame):
            content = content.to_csv(index=False)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return tmp_path

    return put
