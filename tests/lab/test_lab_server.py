"""Tests of JupyterLab's REST API and kernels."""

import time
import urllib.error
import urllib.request
from typing import Any

import pytest
from jupyter_client.blocking.client import BlockingKernelClient

from lab.lab_project import NOTEBOOK, Server, git

NOTEBOOK_PATH = "tabular/compare.py"


def test_the_file_browser_lists_the_notebooks(server: Server) -> None:
    names = {item["path"]: item["type"] for item in server.call("api/contents/tabular")["content"]}
    assert names[NOTEBOOK_PATH] == "notebook"


def test_a_script_opens_as_a_notebook(server: Server) -> None:
    cells = server.call(f"api/contents/{NOTEBOOK_PATH}?type=notebook")["content"]["cells"]
    assert [cell["cell_type"] for cell in cells] == ["markdown", "code", "code", "markdown", "code", "code"]
    assert cells[1]["metadata"]["tags"] == ["parameters"]


def test_a_double_click_opens_a_script_as_a_notebook(server: Server) -> None:
    settings = server.call("lab/api/settings/@jupyterlab/docmanager-extension:plugin")
    assert settings["schema"]["properties"]["defaultViewers"]["default"] == {"python": "Jupytext Notebook"}


def test_requests_without_the_token_are_rejected(server: Server) -> None:
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(f"{server.url}/api/contents", timeout=10)


def test_no_news_are_fetched(server: Server) -> None:
    assert server.call("lab/api/news") == {"news": []}


def _wait_for(client: BlockingKernelClient) -> None:
    """Wait for a starting kernel; on a busy machine, the heartbeat check may fail before the kernel responds."""
    end = time.monotonic() + 60
    while True:
        try:
            client.wait_for_ready(timeout=30)
            return
        except RuntimeError:
            if time.monotonic() > end:
                raise


def _run_all(server: Server) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the notebook model after *Run All*, as JupyterLab holds it, and the messages of the kernel."""
    model = server.call(f"api/contents/{NOTEBOOK_PATH}?type=notebook")
    session = server.call(
        "api/sessions", "POST", {"path": NOTEBOOK_PATH, "type": "notebook", "name": "compare.py", "kernel": {"name": "python3"}}
    )
    kernel = session["kernel"]["id"]
    client = BlockingKernelClient(connection_file=str(server.root / "data" / ".lab" / "runtime" / f"kernel-{kernel}.json"))
    client.load_connection_file()
    client.start_channels()
    messages: list[dict[str, Any]] = []
    try:
        _wait_for(client)
        for cell in (cell for cell in model["content"]["cells"] if cell["cell_type"] == "code"):
            reply = client.execute_interactive(cell["source"], timeout=30, output_hook=messages.append)
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
    return model, messages


def test_run_all_reads_the_chosen_request_and_saving_changes_nothing(server: Server) -> None:
    model, messages = _run_all(server)
    printed = [message["content"]["text"] for message in messages if message["msg_type"] == "stream"]
    assert printed == ["churn 3\n"]
    server.call(f"api/contents/{NOTEBOOK_PATH}", "PUT", {"type": "notebook", "format": "json", "content": model["content"]})
    assert (server.root / "notebooks" / NOTEBOOK_PATH).read_text() == NOTEBOOK
    assert git(server.root, "status", "--porcelain", "--untracked-files=all") == ""


def test_saving_changes_only_the_edited_cell(server: Server) -> None:
    model = server.call(f"api/contents/{NOTEBOOK_PATH}?type=notebook")
    before = model["content"]["cells"][-1]["source"]
    model["content"]["cells"][-1]["source"] = "6 * 8"
    try:
        server.call(f"api/contents/{NOTEBOOK_PATH}", "PUT", {"type": "notebook", "format": "json", "content": model["content"]})
        assert (server.root / "notebooks" / NOTEBOOK_PATH).read_text() == NOTEBOOK.replace("6 * 7", "6 * 8")
    finally:
        model["content"]["cells"][-1]["source"] = before
        server.call(f"api/contents/{NOTEBOOK_PATH}", "PUT", {"type": "notebook", "format": "json", "content": model["content"]})
