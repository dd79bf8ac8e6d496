"""JupyterLab's contents manager: jupytext's own, without the jupytext settings of the user's home folder.

The server loads it by the name in `lab/settings/jupyter_server_config.json`.
"""

from jupytext.async_contentsmanager import AsyncTextFileContentsManager
from jupytext.config import JupytextConfiguration


class NotebookContents(AsyncTextFileContentsManager):  # type: ignore[misc]  # jupytext is not typed
    """Contents manager that opens `.py` files as notebooks and saves only the changes of the user.

    Notes
    -----
    If a project has no jupytext settings, jupytext reads those in the user's home folder. Settings that pair every script with an
    `.ipynb` would then create untracked files in the project.
    """

    async def get_config(self, path: str, use_cache: bool = False) -> JupytextConfiguration:
        """Return the jupytext settings for `path`: those of the project's notebooks folder if there are any, else the defaults."""
        if await self.get_config_file(self.get_parent_dir(path)) is None:
            return self
        return await super().get_config(path, use_cache)
