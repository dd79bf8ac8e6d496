"""The `glassbox` command line: every command parses its arguments, calls one function and prints the result."""

import os
import re
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from glassbox.errors import GlassboxError, RequestError, RequirementNotMet
from glassbox.files import disk_errors, write_bytes
from glassbox.metrics import METRICS
from glassbox.request.model import Request

app = typer.Typer(
    name="glassbox",
    help="Run a request file through a pipeline of notebooks, to a served model and an HTML report.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)
data_app = typer.Typer(
    help="Fetch data sets of the catalogue; version raw data and model packages with DVC.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(data_app, name="data")

NameArgument = Annotated[str, typer.Argument(metavar="REQUEST", help="The name or the file of a request.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a field of the request for this run.")
]
WorkersOption = Annotated[int, typer.Option("--workers", min=1, max=64, help="The number of parallel workers.")]
PortOption = Annotated[int, typer.Option("--port", min=0, max=65535)]
_CORES = min(os.cpu_count() or 1, 8)


def _out() -> Console:
    return Console(highlight=False, soft_wrap=True)


def _print(line: str = "") -> None:
    _out().print(Text(line))


def _root() -> Path:
    from glassbox.runtime.stage import project_root

    return project_root()


def _request_path(root: Path, name: str) -> Path:
    """Return the file of a request, given its name or its path."""
    path = Path(name)
    if path.suffix in {".yaml", ".yml", ".json"}:
        return path if path.is_file() else root / path
    for suffix in (".yaml", ".yml", ".json"):
        if (candidate := root / "params" / f"{name}{suffix}").is_file():
            return candidate
    from glassbox.request.messages import hint, nearest

    names = sorted(
        p.stem for p in (root / "params").glob("*") if p.suffix in {".yaml", ".yml", ".json"} and "schema" not in p.name
    )
    near = nearest(name, names)
    end = hint(near) if near else f"; available requests: {', '.join(names) or 'none'}."
    raise RequestError(f"params/{name}.yaml: no such request{end}")


def _load(root: Path, name: str, overrides: list[str] | None = None) -> Request:
    from glassbox.request.loading import load_request, split_overrides

    path = _request_path(root, name)
    shorten = path.is_absolute() and path.is_relative_to(Path.cwd())  # for messages
    return load_request(path.relative_to(Path.cwd()) if shorten else path, split_overrides(overrides or []))


def _command(function: Callable[..., Any]) -> Callable[..., Any]:
    """Wrap a command: print errors and exit with their code; exit at once with 130 on Ctrl-C."""

    @wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        try:
            with disk_errors():
                function(*args, **kwargs)
        except GlassboxError as error:
            _fail(error)
        except KeyboardInterrupt:
            print("\nInterrupted. The results of finished stages are saved; run the command again to continue.", file=sys.stderr)
            sys.stdout.flush()
            os._exit(130)

    return wrapped


def _fail(error: GlassboxError) -> NoReturn:
    Console(stderr=True, highlight=False, soft_wrap=True).print(Text(str(error)))
    raise typer.Exit(error.exit_code)


def _show_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        _print(f"glassbox {version('glassbox')}")
        raise typer.Exit


@app.callback()
def main_options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and exit.", callback=_show_version, is_eager=True)
    ] = False,
) -> None:
    """Run a request file through a pipeline of notebooks, to a served model and an HTML report."""


@app.command()
@_command
def run(
    name: NameArgument,
    workers: WorkersOption = _CORES,
    until: Annotated[str | None, typer.Option(metavar="STAGE", help="Stop after this stage.")] = None,
    set_: SetOption = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with code 3 when a requirement is not met.")] = False,
    track: Annotated[bool, typer.Option("--track/--no-track", help="Log the run to MLflow.")] = True,
) -> None:
    """Run a request; only stages that are not fresh are executed."""
    from glassbox.pipeline.run import last_seconds, run_request
    from glassbox.pipeline.spec import read_stages
    from glassbox.terminal import Terminal

    root = _root()
    request = _load(root, name, set_)
    stages = [spec.name for spec in read_stages(root, request)]
    with Terminal(stages, last_seconds=last_seconds(root, request.name)) as terminal:
        result = run_request(root, request, workers=workers, until=until, listen=terminal)
    _render(root, request.name)
    if track:
        _track(root, result)
    if result.failure is not None:
        raise result.failure
    _headline(root, request.name, until)
    if strict:
        _strict(root, request.name)


def _render(root: Path, slug: str) -> None:
    from glassbox.reports import site

    with disk_errors():
        site.write_assets(root)
        site.render_request(root, slug)
        site.render_index(root)


def _track(root: Path, result: Any) -> None:
    from glassbox.pipeline.run_record import run_record
    from glassbox.tracking.mlflow_log import log_run

    record = run_record(result)
    if record is not None:
        log_run(root, record)


def _headline(root: Path, slug: str, until: str | None) -> None:
    from glassbox.pipeline.run import read_report

    _print()
    if until not in (None, "conclude"):
        _print(f"Stopped after {until}: reports/{slug}/{until}.html")
        return
    report = read_report(root, slug)
    if report is not None:
        for row in report.get("requirements", []):
            sign = {"met": "✓", "not met": "✗"}.get(row["verdict"], "?")
            value = "–" if row["value"] is None else f"{row['value']:.4g} {METRICS[row['name']].unit}".rstrip()
            _print(f"{sign} {row['name']} {row['bound']}: {row['verdict']} ({value})")
    page = root / "reports" / slug / "report.html"
    if page.is_file():
        _print(f"Report: {os.path.relpath(page)}")


def _strict(root: Path, slug: str) -> None:
    from glassbox.pipeline.run import read_report

    missed = [row["name"] for row in (read_report(root, slug) or {}).get("requirements", []) if row["verdict"] == "not met"]
    if missed:
        raise RequirementNotMet(f"{slug}: requirements not met: {', '.join(missed)}.")


@app.command()
@_command
def status(name: NameArgument, set_: SetOption = None) -> None:
    """Show which stages are fresh, and why the others are stale."""
    from glassbox.pipeline.run import stage_states

    root = _root()
    for stage, fresh, why in stage_states(root, _load(root, name, set_)):
        _print(f"{stage:10} {'fresh' if fresh else 'stale'}{'' if fresh else '  ' + '; '.join(why)}")


@app.command()
@_command
def check(file: NameArgument, set_: SetOption = None) -> None:
    """Validate a request without running it; report all problems with their lines."""
    request = _load(Path.cwd() if Path(file).is_file() else _root(), file, set_)
    _print(f"{file}: valid. Task {request.task}, cost {request.cost}, {len(request.requirements)} requirements.")


@app.command()
@_command
def init(
    file: Annotated[Path, typer.Argument(help="A data file: CSV, TSV, Parquet or JSON Lines.")],
    target: Annotated[str | None, typer.Option(help="The column to predict.")] = None,
    name: Annotated[str | None, typer.Option(help="The name of the request. Default: derived from the file name.")] = None,
) -> None:
    """Inspect a data file and write a commented request for it."""
    from glassbox.init_request import init_request

    root = _root()
    path = init_request(root, file, target, name)
    _print(f"Wrote {os.path.relpath(path)}. Review it, then run: glassbox run {path.stem}")
    for question in re.findall(r"# TO DO: (.*)", path.read_text(encoding="utf-8")):
        _print(f"To do in it: {question}")


@app.command()
@_command
def lab(
    name: Annotated[str | None, typer.Argument(metavar="REQUEST")] = None,
    port: PortOption = 8888,
    browser: Annotated[bool, typer.Option("--browser/--no-browser")] = True,
) -> None:
    """Open the notebooks in JupyterLab, with the products of a request's last run."""
    from glassbox.lab.server import lab as open_lab

    root = _root()
    if name is not None:
        name = _load(root, name).name
    open_lab(root, name, port=port, open_browser=browser)


@app.command()
@_command
def ui(port: PortOption = 5000) -> None:
    """Open the MLflow UI with the tracked runs."""
    from glassbox.tracking.mlflow_log import ui as open_ui

    open_ui(_root(), port)


@app.command()
@_command
def serve(
    name: NameArgument,
    host: Annotated[str, typer.Option(help="The network interface to bind to.")] = "127.0.0.1",
    port: PortOption = 8000,
) -> None:
    """Serve the model package of a request's last run over HTTP."""
    from glassbox.serving.server import serve as serve_package

    root = _root()
    package = root / "data" / _load(root, name).name / "deploy"
    if not (package / "manifest.json").is_file():
        raise GlassboxError(f"{name}: no model package yet; run `glassbox run {name}` first.")
    serve_package(package, host=host, port=port)


@app.command()
@_command
def verify(name: NameArgument, workers: WorkersOption = 1) -> None:
    """Run a request from scratch in a temporary folder and compare all products byte by byte."""
    from glassbox.pipeline.verify import verify as run_again
    from glassbox.reports import site

    root = _root()
    request = _load(root, name)

    def render(project: Path, slug: str, folder: Path) -> None:
        site.render_request(project, slug, out=folder, measured=False)

    addresses = [request.data.path, *request.weights.named.values()]
    rows = run_again(root, request.name, [path for path in addresses if path], workers=workers, render=render)
    for row in rows:
        _print(f"{'same  ' if row.same else 'DIFFER'} {row.name:32} {row.detail}")
    if differing := [row.name for row in rows if not row.same]:
        raise GlassboxError(f"{name}: {len(differing)} of {len(rows)} differ: {', '.join(differing)}.")
    _print(f"{len(rows)} products and pages are byte-identical.")


@app.command()
@_command
def diff(name: NameArgument) -> None:
    """Compare the last two runs: changed inputs, products and metrics."""
    from glassbox.pipeline.history import difference

    root = _root()
    changes = difference(root, _load(root, name).name)
    _print(f"{changes.before} → {changes.after}")
    for line in changes.causes or ["No inputs changed."]:
        _print(f"  {line}")
    _print(f"Changed products: {', '.join(changes.products) or 'none'}.")
    if changes.metrics:
        table = Table(box=None, pad_edge=False)
        for head in ("metric", "before", "after", "change"):
            table.add_column(head, justify="left" if head == "metric" else "right")
        for metric, old, new in changes.metrics:
            change = f"{new.value - old.value:+.4f}" if old and new and old.value is not None and new.value is not None else "–"
            table.add_row(metric, _interval(old), _interval(new), change)
        _out().print(table)


def _interval(estimate: Any) -> str:
    if estimate is None or estimate.value is None:
        return "–"
    bounds = f" ({estimate.low:.4f} – {estimate.high:.4f})" if estimate.low is not None and estimate.high is not None else ""
    return f"{estimate.value:.4f}{bounds}"


@app.command("explain-cost")
@_command
def explain_cost(
    task: Annotated[str, typer.Argument(help="A task, such as classification.")],
    answer: Annotated[str | None, typer.Option(help="The type of answer to predict, such as spans.")] = None,
) -> None:
    """Print the effort of each cost level for a task: trials, bootstrap resamples, model sizes and candidates."""
    from glassbox.families.protocol import load_family
    from glassbox.request.messages import hint, join_choices, nearest
    from glassbox.request.model import COSTS
    from glassbox.request.tasks import TASKS

    if task not in TASKS:
        raise RequestError(f"{task}: unknown task; expected {join_choices(TASKS)}{hint(nearest(task, TASKS))}")
    row = TASKS[task]
    if answer is not None and answer != "classes" and answer not in row.answers:
        expected = join_choices(["classes", *row.answers]) if row.answers else "no answer"
        raise RequestError(f"--answer {answer}: unknown answer of {task}; expected {expected}.")
    family = load_family(row.answers.get(answer or "classes", row).family)
    table = Table(box=None, pad_edge=False)
    for heading in ("cost", "trials", "resamples", "sizes", "candidates"):
        table.add_column(heading)
    for cost in COSTS:
        effort = family.effort(cost)
        sizes = ", ".join(f"{number:,} {name}" for name, number in effort.sizes.items()) or "-"
        table.add_row(cost, str(effort.trials), f"{effort.resamples:,}", sizes, effort.summary)
    _out().print(table)


@app.command()
@_command
def eject(name: NameArgument, stage: Annotated[str, typer.Argument(help="The stage whose notebook to copy.")]) -> None:
    """Copy a stage's notebook to notebooks/REQUEST/, where you can edit it for that request only."""
    from glassbox.pipeline.spec import ejected_path, read_stages, unknown_stage_error

    root = _root()
    request = _load(root, name)
    specs = {spec.name: spec for spec in read_stages(root, request)}
    if stage not in specs:
        raise unknown_stage_error(stage)
    target = root / ejected_path(request.name, stage)
    if target.exists():
        raise GlassboxError(
            f"{os.path.relpath(target)}: already exists; edit it, or delete it to use the family's notebook again."
        )
    write_bytes(target, (root / specs[stage].source).read_bytes())
    _print(f"{request.name} now uses {os.path.relpath(target)} for {stage}. Delete it to use the family's notebook again.")


@app.command()
@_command
def clean(
    name: Annotated[str | None, typer.Argument(metavar="REQUEST")] = None,
    store: Annotated[bool, typer.Option("--store", help="Also remove the store of cached results, for all requests.")] = False,
) -> None:
    """Remove the outputs of runs: products and pages of one request, or of all; never your data."""
    from glassbox.pipeline.clean import clean as remove

    root = _root()
    for path in remove(root, _load(root, name).name if name else None, store=store):
        _print(f"removed {os.path.relpath(path, root)}")


@data_app.command()
@_command
def get(entry: Annotated[str, typer.Argument(help="The name of an entry in data/catalog.yaml.")]) -> None:
    """Fetch an entry of the data catalogue and verify its hash."""
    from glassbox.data.catalog import fetch, find_entry

    root = _root()
    dataset = find_entry(entry, root)
    for path in fetch(dataset, root):
        _print(f"{os.path.relpath(path)}: verified.")
    _print(dataset.description)


@data_app.command()
@_command
def track(path: Path, remote: Annotated[str | None, typer.Option(help="The remote for `push`: a folder or URL.")] = None) -> None:
    """Version a file or folder with DVC."""
    from glassbox.versioning import track as dvc_track

    for line in dvc_track(_root(), path, remote=remote):
        _print(line)


@data_app.command()
@_command
def push(remote: Annotated[str | None, typer.Option(help="The remote, a folder or URL; saved as the default.")] = None) -> None:
    """Upload tracked data to the remote."""
    from glassbox.versioning import push as dvc_push

    for line in dvc_push(_root(), remote=remote):
        _print(line)


@data_app.command()
@_command
def pull(remote: Annotated[str | None, typer.Option(help="The remote, a folder or URL; saved as the default.")] = None) -> None:
    """Download tracked data from the remote."""
    from glassbox.versioning import pull as dvc_pull

    for line in dvc_pull(_root(), remote=remote):
        _print(line)


def main() -> None:
    """Run the command line."""
    app()
