"""A minimal project for the JupyterLab tests, and a client of the server."""

import json
import os
import re
import subprocess
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any

NOTEBOOK = """\
# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Model comparison
# Which model has the best cross-validated score?

# %% tags=["parameters"]
upstream = {"ingest": ["train"]}
product = None
request = "churn"

# %%
import os
from pathlib import Path

chosen = os.environ.get("GLASSBOX_REQUEST", request)
root = Path(os.environ["GLASSBOX_ROOT"])

# %% [markdown]
# The figure has a single bar.


# %%
rows = (root / "data" / chosen / "train.csv").read_text().splitlines()
print(chosen, len(rows))

# %%
6 * 7
"""


@dataclass(frozen=True)
class Server:
    """A running JupyterLab: its URL, its token and its project."""

    url: str
    token: str
    root: Path

    def call(self, path: str, method: str = "GET", body: Any = None) -> Any:
        """Call the server's REST API and return the JSON response."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self.url}/{path}", method=method, data=data)
        request.add_header("Authorization", f"token {self.token}")
        with urllib.request.urlopen(request, timeout=30) as response:
            text = response.read()
        return json.loads(text) if text else None


def git(root: Path, *words: str) -> str:
    """Run git without the user's settings and return its output."""
    plain = {"PATH": os.environ["PATH"], "HOME": str(root), "GIT_CONFIG_NOSYSTEM": "1"}
    command = ["git", "-c", "user.name=t", "-c", "user.email=t@t", *words]
    return subprocess.run(command, cwd=root, env=plain, check=True, capture_output=True, text=True).stdout


def project(root: Path) -> Path:
    """Create a project with one notebook and one run of `churn`, in a git repository."""
    (root / "notebooks" / "tabular").mkdir(parents=True)
    (root / "notebooks" / "tabular" / "compare.py").write_text(NOTEBOOK)
    (root / "data" / "churn").mkdir(parents=True)
    (root / "data" / "churn" / "train.csv").write_text("a\n1\n2\n")
    (root / ".gitignore").write_text("data/*\n.ipynb_checkpoints/\n")
    git(root, "init", "--quiet")
    git(root, "add", ".")
    git(root, "commit", "--quiet", "--message", "first")
    return root


def address(process: "subprocess.Popen[bytes]", log: Path) -> tuple[str, str]:
    end = time.monotonic() + 40
    while time.monotonic() < end and process.poll() is None:
        match = re.search(r"(http://127\.0\.0\.1:\d+)/lab\?token=([0-9a-f]{20,})", log.read_text())
        if match:
            return match[1], match[2]
        time.sleep(0.1)
    raise AssertionError(f"JupyterLab did not start:\n{log.read_text()}")
