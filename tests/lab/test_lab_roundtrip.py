"""Tests that opening and saving a notebook in JupyterLab does not change it."""

import asyncio
import json
import shutil
from pathlib import Path

import pytest
from traitlets.config import Config

from glassbox.lab.contents import NotebookContents
from glassbox.lab.server import SETTINGS

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"
NAMES = sorted(
    path.relative_to(NOTEBOOKS).as_posix() for path in NOTEBOOKS.rglob("*.py") if ".ipynb_checkpoints" not in path.parts
)


@pytest.mark.parametrize("name", NAMES)
def test_a_notebook_is_saved_as_it_was_opened(name: str, tmp_path: Path) -> None:
    shutil.copytree(NOTEBOOKS, tmp_path / "notebooks")
    settings = json.loads((SETTINGS / "jupyter_server_config.json").read_text())
    contents = NotebookContents(root_dir=str(tmp_path / "notebooks"), config=Config(settings))

    async def open_and_save() -> list[str]:
        model = await contents.get(name, type="notebook")
        model["content"]["metadata"]["language_info"] = {"name": "python"}  # JupyterLab adds it
        await contents.save({"type": "notebook", "format": "json", "content": model["content"]}, name)
        return [cell["cell_type"] for cell in model["content"]["cells"]]

    kinds = asyncio.run(open_and_save())
    assert {"markdown", "code"} == set(kinds)
    assert (tmp_path / "notebooks" / name).read_bytes() == (NOTEBOOKS / name).read_bytes()
