"""JupyterLab as a program sees it: its REST interface and its kernels."""

import time
import urllib.error
import urllib.request
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient

from lab.lab_project import NOTEBOOK, Server, git

PLACE = "tabular/compare.py"


def test_the_file_browser_lists_the_notebooks(server: Server) -> None:
    names = {item["path"]: item["type"] for item in server.call("api/contents/tabular")["content"]}
    assert names[PLACE] == "notebook"


def test_a_script_opens_as_a_notebook(server: Server) -> None:
    cells = server.call(f"api/contents/{PLACE}?type=notebook")["content"]["cells"]
    assert [cell["cell_type"] for cell in cells] == ["markdown", "code", "code", "markdown", "code", "code"]
    assert cells[1]["metadata"]["tags"] == ["parameters"]


def test_a_double_click_opens_a_script_as_a_notebook(server: Server) -> None:
    settings = server.call("lab/api/settings/@jupyterlab/docmanager-extension:plugin")
    assert settings["schema"]["properties"]["defaultViewers"]["default"] == {"python": "Jupytext Notebook"}


def test_without_the_token_nothing_is_served(server: Server) -> None:
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"{server.url}/api/contents", timeout=10)


def test_no_news_is_asked_for(server: Server) -> None:
    assert server.call("lab/api/news") == {"news": []}


def _wait_for(client: BlockingKernelClient) -> None:
    """Wait for a kernel that starts; on a busy machine its heart is asked before it beats, and it is taken for dead."""
    end = time.monotonic() + 60
    while True:
        try:
            client.wait_for_ready(timeout=30)
            return
        except RuntimeError:
            if time.monotonic() > end:
                raise


def _run_all(server: Server) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The notebook's model as JupyterLab would hold it after *Run All*, and all that the kernel printed."""
    model = server.call(f"api/contents/{PLACE}?type=notebook")
    session = server.call(
        "api/sessions", "POST", {"path": PLACE, "type": "notebook", "name": "compare.py", "kernel": {"name": "python3"}}
    )
    kernel = session["kernel"]["id"]
    client = BlockingKernelClient(connection_file=str(server.root / "data" / ".lab" / "runtime" / f"kernel-{kernel}.json"))
    client.load_connection_file()
    client.start_channels()
    said: list[dict[str, Any]] = []
    try:
        _wait_for(client)
        for cell in (cell for cell in model["content"]["cells"] if cell["cell_type"] == "code"):
            reply = client.execute_interactive(cell["source"], timeout=30, output_hook=said.append)
            assert reply["content"]["status"] == "ok", reply["content"]
            cell["execution_count"] = reply["content"]["execution_count"]
            cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "what was printed\n"}]
            cell["metadata"] |= {"trusted": True, "execution": {"shell.execute_reply": "now"}, "jupyter": {"source_hidden": True}}
        client.shutdown()
    finally:
        client.stop_channels()
        server.call(f"api/sessions/{session['id']}", "DELETE")
    spec = server.call("api/kernelspecs")["kernelspecs"]["python3"]["spec"]
    model["content"]["metadata"]["kernelspec"] = {key: spec[key] for key in ("display_name", "language")} | {"name": "python3"}
    model["content"]["metadata"]["language_info"] = {"name": "python", "version": "3.11", "file_extension": ".py"}
    return model, said


def test_run_all_reads_the_chosen_request_and_saving_changes_nothing(server: Server) -> None:
    model, said = _run_all(server)
    printed = [message["content"]["text"] for message in said if message["msg_type"] == "stream"]
    assert printed == ["churn 3\n"]
    server.call(f"api/contents/{PLACE}", "PUT", {"type": "notebook", "format": "json", "content": model["content"]})
    assert (server.root / "notebooks" / PLACE).read_text() == NOTEBOOK
    assert git(server.root, "status", "--porcelain", "--untracked-files=all") == ""


def test_an_edit_of_the_user_is_all_that_changes(server: Server) -> None:
    model = server.call(f"api/contents/{PLACE}?type=notebook")
    before = model["content"]["cells"][-1]["source"]
    model["content"]["cells"][-1]["source"] = "6 * 8"
    try:
        server.call(f"api/contents/{PLACE}", "PUT", {"type": "notebook", "format": "json", "content": model["content"]})
        assert (server.root / "notebooks" / PLACE).read_text() == NOTEBOOK.replace("6 * 7", "6 * 8")
    finally:
        model["content"]["cells"][-1]["source"] = before
        server.call(f"api/contents/{PLACE}", "PUT", {"type": "notebook", "format": "json", "content": model["content"]})
