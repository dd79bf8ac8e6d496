"""How JupyterLab reads and writes the project's files: jupytext's contents manager, deaf to a jupytext set up at home.

Loaded by the server alone, by the name that stands in `lab/settings/jupyter_server_config.json`.
"""

from jupytext.async_contentsmanager import AsyncTextFileContentsManager
from jupytext.config import JupytextConfiguration


class NotebookContents(AsyncTextFileContentsManager):  # type: ignore[misc]  # jupytext is not typed
    """Opens `.py` files as notebooks, and saves them as they were found but for what the user changed.

    Notes
    -----
    jupytext asks the user's home for settings when it finds none in the project, and those then stand for all of ours:
    one that pairs every script with an `.ipynb` would leave files that git shows.
    """

    async def get_config(self, path: str, use_cache: bool = False) -> JupytextConfiguration:
        """The jupytext settings that hold for `path`: those below `notebooks/` if there are any, else ours."""
        if await self.get_config_file(self.get_parent_dir(path)) is None:
            return self
        return await super().get_config(path, use_cache)
