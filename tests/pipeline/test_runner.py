"""Tests of the runner: stale and fresh stages, errors, and kernels."""

import json

import pytest

from glassbox.errors import DataError, GlassboxError, StageError
from glassbox.pipeline.locks import run_lock
from glassbox.pipeline.run import stage_states
from glassbox.state_files import read_state
from toy_project import Project, statuses

ALL = ("ingest", "explore", "features", "evaluate")


def test_a_second_run_restores_every_stage_from_the_store(fresh: Project) -> None:
    assert statuses(fresh.run()) == dict.fromkeys(ALL, "ran")
    assert statuses(fresh.run()) == dict.fromkeys(ALL, "cached")


def test_products_are_at_the_paths_of_the_pipeline(project: Project) -> None:
    assert json.loads((project.root / "data/toy/features/recipe.json").read_text()) == {"columns": ["x", "y"]}
    assert (project.root / "reports/toy/evaluate.ipynb").is_file()


def test_a_changed_comment_runs_nothing_but_updates_the_page(project: Project) -> None:
    project.edit("notebooks/tabular/features.py", "# The columns that the model sees.", "# What it may see.")
    project.edit("notebooks/tabular/features.py", "# What is this?", "# What will the model see?")
    assert statuses(project.run())["features"] == "cached"
    page = (project.root / "reports/toy/features.ipynb").read_text()
    assert "What it may see." in page
    assert "What will the model see?" in page


def test_a_changed_cell_makes_its_stage_stale_and_is_named(project: Project) -> None:
    project.edit("notebooks/tabular/features.py", "list(train.columns)", "sorted(train.columns)")
    assert dict((s, why) for s, _, why in stage_states(project.root, project.request))["features"] == [
        "code cell 6 of its notebook changed"
    ]


def test_downstream_stages_stay_cached_if_the_products_are_unchanged(project: Project) -> None:
    project.edit("notebooks/tabular/features.py", "list(train.columns)", "sorted(train.columns)")
    assert statuses(project.run()) == {"ingest": "cached", "explore": "cached", "features": "ran", "evaluate": "cached"}


def test_changed_products_run_the_downstream_stages(project: Project) -> None:
    project.edit("notebooks/tabular/features.py", "list(train.columns)", "['x']")
    assert statuses(project.run()) == {"ingest": "cached", "explore": "cached", "features": "ran", "evaluate": "ran"}


def test_only_fields_that_were_read_make_a_stage_stale(project: Project) -> None:
    project.request = project.request.model_copy(update={"seed": 7})
    stale = {name: why for name, fresh, why in stage_states(project.root, project.request) if not fresh}
    assert stale["features"] == ["request: seed is 7, was 42"]
    assert set(stale) == {"features", "evaluate"}


def test_undoing_a_change_restores_the_earlier_result(project: Project) -> None:
    project.edit("notebooks/tabular/features.py", "list(train.columns)", "['x']")
    project.run()
    project.edit("notebooks/tabular/features.py", "['x']", "list(train.columns)")
    assert statuses(project.run()) == dict.fromkeys(ALL, "cached")
    assert json.loads((project.root / "data/toy/features/recipe.json").read_text()) == {"columns": ["x", "y"]}


def test_changed_data_is_named(project: Project) -> None:
    with (project.root / "toy.csv").open("a") as stream:
        stream.write("10,1\n")
    name, fresh, why = stage_states(project.root, project.request)[0]
    assert (name, fresh, why) == ("ingest", False, ["data: toy.csv changed"])


def test_shuffled_rows_give_the_same_products_and_run_nothing_after_ingest(project: Project) -> None:
    head, *rows = (project.root / "toy.csv").read_text().splitlines()
    (project.root / "toy.csv").write_text("\n".join([head, *reversed(rows)]) + "\n")
    assert statuses(project.run()) == {"ingest": "ran", "explore": "cached", "features": "cached", "evaluate": "cached"}


def test_a_corrupt_product_is_detected_and_computed_again(project: Project) -> None:
    entry = next(p for p in (project.root / "data/.store/stages").glob("*/recipe.json"))
    entry.write_text("{}")
    assert statuses(project.run())["features"] == "ran"
    assert json.loads((project.root / "data/toy/features/recipe.json").read_text()) == {"columns": ["x", "y"]}


def test_a_modified_view_is_restored(project: Project) -> None:
    path = project.root / "data/toy/features/recipe.json"
    path.write_text("{}")
    assert statuses(project.run())["features"] == "cached"
    assert json.loads(path.read_text()) == {"columns": ["x", "y"]}


def test_only_evaluate_may_declare_the_holdout(project: Project) -> None:
    project.edit("notebooks/tabular/explore.py", '{"ingest": ["train"]}', '{"ingest": ["train", "holdout"]}')
    with pytest.raises(GlassboxError, match=r"explore.*ingest\.holdout, which only evaluate may read"):
        project.run()


def test_undeclared_inputs_cannot_be_loaded(project: Project) -> None:
    project.edit("notebooks/tabular/explore.py", 'stage.load("train")', 'stage.load("holdout")')
    with pytest.raises(StageError, match="holdout is not declared"):
        project.run()


def test_a_failed_stage_names_its_cell_first_and_publishes_nothing(project: Project) -> None:
    before = (project.root / "data/toy/features/recipe.json").read_bytes()
    project.edit("notebooks/tabular/features.py", "seed = stage.request.seed", "seed = 1 / 0")
    with pytest.raises(StageError) as caught:
        project.run()
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("features: features.py, cell ")
    assert "seed = 1 / 0" in lines[1]
    assert "ZeroDivisionError" in lines[2]
    assert lines[-1].startswith("The notebook, executed up to the failed cell")
    assert (project.root / "data/toy/features/recipe.json").read_bytes() == before


def test_errors_of_two_parallel_stages_are_both_reported(project: Project) -> None:
    project.edit("notebooks/tabular/features.py", "seed = stage.request.seed", "seed = 1 / 0")
    project.edit("notebooks/tabular/explore.py", 'stage.load("train")', "int('seven')")
    with pytest.raises(StageError) as caught:
        project.run()
    assert "ZeroDivisionError" in str(caught.value)
    assert "ValueError" in str(caught.value)


WAIT_UNTIL = """from glassbox.runtime.worker_pool import thread_budget
import time

def wait_until(holds):
    end = time.monotonic() + 60
    while not holds() and time.monotonic() < end:
        time.sleep(0.01)

here = stage.root
"""


def test_the_thread_budget_grows_when_a_parallel_stage_ends(project: Project) -> None:
    code = (
        f"{WAIT_UNTIL}(here / 'features.started').touch(); wait_until((here / 'explore.waits').exists); seed = stage.request.seed"
    )
    project.edit("notebooks/tabular/features.py", "seed = stage.request.seed", code)
    code = (
        f"{WAIT_UNTIL}wait_until((here / 'features.started').exists); first = thread_budget(); (here / 'explore.waits').touch()\n"
    )
    code += 'wait_until(lambda: thread_budget() != first); (here / "budgets").write_text(f"{first} {thread_budget()}"); train = stage.load("train")'
    project.edit("notebooks/tabular/explore.py", 'train = stage.load("train")', code)
    assert statuses(project.run(workers=4))["explore"] == "ran"
    assert (project.root / "budgets").read_text() == "2 4"
    assert not list((project.root / "data/.store/tmp").glob("*"))


def test_a_user_error_in_a_notebook_keeps_its_type(project: Project) -> None:
    project.edit(
        "notebooks/ingest.py",
        "import pandas as pd",
        "from glassbox.errors import DataError\nraise DataError('data.target: no such column')",
    )
    with pytest.raises(DataError, match=r"data\.target: no such column") as caught:
        project.run()
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("exit_call", "reason"),
    [
        (
            "os.kill(os.getpid(), signal.SIGKILL)",
            "its kernel was killed, which typically means that the machine ran out of memory",
        ),
        ("os.abort()", r"its kernel crashed in compiled code \(SIGABRT\)"),
        ("os._exit(3)", "its kernel exited with code 3"),
    ],
)
def test_a_dead_kernel_is_reported_and_the_next_run_succeeds(project: Project, exit_call: str, reason: str) -> None:
    project.edit("notebooks/tabular/features.py", "seed = stage.request.seed", f"import os, signal\n{exit_call}")
    with pytest.raises(StageError, match=f"features: {reason}"):
        project.run()
    log = (project.root / "data/.store/logs/toy/features.log").read_text(encoding="utf-8")
    assert ("Fatal Python error: Aborted" in log) == ("SIGABRT" in reason)  # the location, reported by faulthandler
    project.edit("notebooks/tabular/features.py", f"import os, signal\n{exit_call}", "seed = stage.request.seed")
    assert statuses(project.run())["features"] == "cached"


def test_kernels_use_unix_sockets_instead_of_ports(project: Project) -> None:
    project.edit(
        "notebooks/tabular/features.py",
        "seed = stage.request.seed",
        "from ipykernel.connect import get_connection_info\n"
        "assert get_connection_info(unpack=True)['transport'] == 'ipc'\nseed = stage.request.seed",
    )
    assert statuses(project.run())["features"] == "ran"


def test_until_skips_the_later_stages(fresh: Project) -> None:
    assert statuses(fresh.run(until="explore")) == {
        "ingest": "ran",
        "explore": "ran",
        "features": "skipped",
        "evaluate": "skipped",
    }


def test_a_request_runs_only_once_at_a_time(project: Project) -> None:
    with run_lock(project.root, "toy"), pytest.raises(GlassboxError, match="another run is in progress"):
        project.run()


def test_measured_values_stay_out_of_products(project: Project) -> None:
    keys = {name: stage["key"] for name, stage in project.run().run["stages"].items()}
    manifest = json.loads((project.root / "data/toy/evaluate/.manifest.json").read_text())
    assert keys["evaluate"] == manifest["key"]
    assert "measured" not in manifest["products"]
    assert json.loads((project.root / "data/toy/evaluate/measured.json").read_text())[0]["name"] == "seconds"


def test_published_notebooks_contain_no_local_paths(project: Project) -> None:
    for page in (project.root / "reports/toy").glob("*.ipynb"):
        assert str(project.root) not in page.read_text()
        assert ".store" not in page.read_text()


def test_holdout_reads_are_recorded(project: Project) -> None:
    [read] = (project.root / "data/.store/holdout_reads").glob("*/*.json")
    assert read_state(read) == {"stage": "evaluate", "by": "run"}
