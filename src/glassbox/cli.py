"""The command: parses, calls one function, prints."""

import os
import shutil
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
from glassbox.request.model import MEASURED, Request

app = typer.Typer(
    name="glassbox",
    help="A request in; executed notebooks, a model that serves and a report out.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    add_completion=False,
)
data_app = typer.Typer(
    help="Fetch catalogue data; version raw data and packages with DVC.", no_args_is_help=True, rich_markup_mode=None
)
app.add_typer(data_app, name="data")

NameArgument = Annotated[str, typer.Argument(metavar="REQUEST", help="A request: its name, or its file under params/.")]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Set a field of the request for this run.")
]
WorkersOption = Annotated[int, typer.Option("--workers", min=1, max=64, help="How many things run side by side.")]
PortOption = Annotated[int, typer.Option("--port", min=0, max=65535)]
_CORES = min(os.cpu_count() or 1, 8)


def _out() -> Console:
    return Console(highlight=False, soft_wrap=True)


def _say(line: str = "") -> None:
    _out().print(Text(line))


def _root() -> Path:
    from glassbox.runtime.stage import project_root

    return project_root()


def _request_path(root: Path, name: str) -> Path:
    """The file of a request that was named by its slug or its path."""
    path = Path(name)
    if path.suffix in {".yaml", ".yml", ".json"}:
        return path if path.is_file() else root / path
    for suffix in (".yaml", ".yml", ".json"):
        if (found := root / "params" / f"{name}{suffix}").is_file():
            return found
    from glassbox.request.messages import hint, nearest

    there = sorted(
        p.stem for p in (root / "params").glob("*") if p.suffix in {".yaml", ".yml", ".json"} and "schema" not in p.name
    )
    near = nearest(name, there)
    end = hint(near) if near else f"; there is {', '.join(there) or 'none yet'}."
    raise RequestError(f"params/{name}.yaml: no such request{end}")


def _load(root: Path, name: str, overrides: list[str] | None = None) -> Request:
    from glassbox.request.loading import load_request, split_overrides

    path = _request_path(root, name)
    below = path.is_absolute() and path.is_relative_to(Path.cwd())  # messages name the file as a person would
    return load_request(path.relative_to(Path.cwd()) if below else path, split_overrides(overrides or []))


def _command(function: Callable[..., Any]) -> Callable[..., Any]:
    """End a command well: errors in words and with their exit code, Ctrl-C at once with 130."""

    @wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> None:
        from glassbox.pipeline.store import disk_errors

        try:
            with disk_errors():
                function(*args, **kwargs)
        except GlassboxError as error:
            _fail(error)
        except KeyboardInterrupt:
            print("\nInterrupted; what was published stands, nothing is half-written. Run again to go on.", file=sys.stderr)
            sys.stdout.flush()
            os._exit(130)

    return wrapped


def _fail(error: GlassboxError) -> NoReturn:
    Console(stderr=True, highlight=False, soft_wrap=True).print(Text(str(error)))
    raise typer.Exit(error.exit_code)


@app.command()
@_command
def run(
    name: NameArgument,
    workers: WorkersOption = _CORES,
    until: Annotated[str | None, typer.Option(metavar="STAGE", help="Stop after this stage.")] = None,
    set_: SetOption = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit 3 when a requirement was not met.")] = False,
    track: Annotated[bool, typer.Option("--track/--no-track", help="Log the run to MLflow.")] = True,
) -> None:
    """Run a request: only what is not fresh is computed."""
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
    from glassbox.pipeline.store import disk_errors
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

    _say()
    if until not in (None, "conclude"):
        _say(f"Ran as far as {until}: reports/{slug}/{until}.html")
        return
    report = read_report(root, slug)
    if report is not None:
        for row in report.get("requirements", []):
            sign = {"met": "✓", "not met": "✗"}.get(row["verdict"], "?")
            unit = f" {MEASURED[row['name']]}" if row["name"] in MEASURED else ""
            value = "–" if row["value"] is None else f"{row['value']:.4g}{unit}"
            _say(f"{sign} {row['name']} {row['bound']}: {row['verdict']} ({value})")
    page = root / "reports" / slug / "report.html"
    if page.is_file():
        _say(f"Report: {os.path.relpath(page)}")


def _strict(root: Path, slug: str) -> None:
    from glassbox.pipeline.run import read_report

    missed = [row["name"] for row in (read_report(root, slug) or {}).get("requirements", []) if row["verdict"] == "not met"]
    if missed:
        raise RequirementNotMet(f"{slug}: not met: {', '.join(missed)}.")


@app.command()
@_command
def status(name: NameArgument, set_: SetOption = None) -> None:
    """Say which stages are fresh, and why the others are not."""
    from glassbox.pipeline.run import stage_states

    root = _root()
    for stage, fresh, why in stage_states(root, _load(root, name, set_)):
        _say(f"{stage:10} {'fresh' if fresh else 'stale'}{'' if fresh else '  ' + '; '.join(why)}")


@app.command()
@_command
def check(file: NameArgument, set_: SetOption = None) -> None:
    """Validate a request without running it: all problems at once, with their lines."""
    request = _load(Path.cwd() if Path(file).is_file() else _root(), file, set_)
    _say(f"{file}: is sound. Task {request.task}, cost {request.cost}, {len(request.requirements)} requirements.")


@app.command()
@_command
def init(
    file: Annotated[Path, typer.Argument(help="Your data: CSV, TSV, Parquet or JSON lines.")],
    target: Annotated[str | None, typer.Option(help="The column to predict.")] = None,
    name: Annotated[str | None, typer.Option(help="The request's name; left out: made from the file's.")] = None,
) -> None:
    """Look at a file and write a commented request for it."""
    from glassbox.init_request import init_request

    root = _root()
    written = init_request(root, file, target, name)
    _say(f"Wrote {os.path.relpath(written)}. Read it, then: glassbox run {written.stem}")


@app.command()
@_command
def lab(
    name: Annotated[str | None, typer.Argument(metavar="REQUEST")] = None,
    port: PortOption = 8888,
    browser: Annotated[bool, typer.Option("--browser/--no-browser")] = True,
) -> None:
    """Open JupyterLab on the notebooks, on the products of a request's last run."""
    from glassbox.lab.server import lab as open_lab

    root = _root()
    if name is not None:
        name = _load(root, name).name
    open_lab(root, name, port=port, open_browser=browser)


@app.command()
@_command
def ui(port: PortOption = 5000) -> None:
    """Open MLflow on what was tracked."""
    from glassbox.tracking.mlflow_log import ui as open_ui

    open_ui(_root(), port)


@app.command()
@_command
def serve(
    name: NameArgument,
    host: Annotated[str, typer.Option(help="Loopback unless you say otherwise.")] = "127.0.0.1",
    port: PortOption = 8000,
) -> None:
    """Serve the package of a request's last run over HTTP."""
    from glassbox.serving.server import serve as serve_package

    root = _root()
    package = root / "data" / _load(root, name).name / "deploy"
    if not (package / "manifest.json").is_file():
        raise GlassboxError(f"{name}: there is no package yet; run `glassbox run {name}` first.")
    serve_package(package, host=host, port=port)


@app.command()
@_command
def verify(name: NameArgument, workers: WorkersOption = 1) -> None:
    """Run again from nothing in another folder and compare byte for byte."""
    from glassbox.pipeline.verify import verify as run_again
    from glassbox.reports import site

    root = _root()
    request = _load(root, name)

    def render(project: Path, slug: str, folder: Path) -> None:
        site.render_request(project, slug, out=folder, measured=False)

    named = [request.data.path, *request.weights.named.values()]
    rows = run_again(root, request.name, [path for path in named if path], workers=workers, render=render)
    for row in rows:
        _say(f"{'same  ' if row.same else 'DIFFER'} {row.name:32} {row.detail}")
    if differing := [row.name for row in rows if not row.same]:
        raise GlassboxError(f"{name}: {len(differing)} of {len(rows)} differ: {', '.join(differing)}.")
    _say(f"{len(rows)} products and pages, all the same bytes.")


@app.command()
@_command
def diff(name: NameArgument) -> None:
    """Say what changed between the last two runs, and what came of it."""
    from glassbox.pipeline.history import difference

    root = _root()
    found = difference(root, _load(root, name).name)
    _say(f"{found.before} → {found.after}")
    for line in found.causes or ["Nothing was changed."]:
        _say(f"  {line}")
    _say(f"Products that differ: {', '.join(found.products) or 'none'}.")
    if found.metrics:
        table = Table(box=None, pad_edge=False)
        for head in ("metric", "was", "is", "change"):
            table.add_column(head, justify="left" if head == "metric" else "right")
        for metric, was, now in found.metrics:
            change = f"{now.value - was.value:+.4f}" if was and now and was.value is not None and now.value is not None else "–"
            table.add_row(metric, _interval(was), _interval(now), change)
        _out().print(table)


def _interval(estimate: Any) -> str:
    if estimate is None or estimate.value is None:
        return "–"
    bounds = f" ({estimate.low:.4f} – {estimate.high:.4f})" if estimate.low is not None and estimate.high is not None else ""
    return f"{estimate.value:.4f}{bounds}"


@app.command()
@_command
def eject(name: NameArgument, stage: Annotated[str, typer.Argument(help="Which stage to make your own.")]) -> None:
    """Copy a stage's notebook to notebooks/REQUEST/, which from then on wins for that request."""
    from glassbox.pipeline.spec import ejected_path, read_stages, unknown_stage_error

    root = _root()
    request = _load(root, name)
    specs = {spec.name: spec for spec in read_stages(root, request)}
    if stage not in specs:
        raise unknown_stage_error(stage)
    target = root / ejected_path(request.name, stage)
    if target.exists():
        raise GlassboxError(f"{os.path.relpath(target)}: is there already; edit it, or remove it to go back to the family's.")
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(root / specs[stage].source, target)
    _say(f"{os.path.relpath(target)} is now the {stage} of {request.name}. Remove it to go back.")


@app.command()
@_command
def clean(
    name: Annotated[str | None, typer.Argument(metavar="REQUEST")] = None,
    store: Annotated[bool, typer.Option("--store", help="Also what is remembered of earlier runs, for all requests.")] = False,
) -> None:
    """Remove what runs made: the views and pages of a request, or of all; never your data."""
    from glassbox.pipeline.clean import clean as remove

    root = _root()
    for path in remove(root, _load(root, name).name if name else None, store=store):
        _say(f"removed {os.path.relpath(path, root)}")


@data_app.command()
@_command
def get(entry: Annotated[str, typer.Argument(help="A name from data/catalog.yaml.")]) -> None:
    """Fetch an entry of the catalogue and verify it."""
    from glassbox.data.catalog import fetch, find_entry

    root = _root()
    found = find_entry(entry, root)
    for path in fetch(found, root):
        _say(f"{os.path.relpath(path)}: verified.")
    _say(found.description)


@data_app.command()
@_command
def track(
    path: Path, remote: Annotated[str | None, typer.Option(help="Where `push` shall put it: a folder or URL.")] = None
) -> None:
    """Version a file or folder with DVC."""
    from glassbox.versioning import track as dvc_track

    for line in dvc_track(_root(), path, remote=remote):
        _say(line)


@data_app.command()
@_command
def push(remote: Annotated[str | None, typer.Option(help="Where to: a folder or URL; remembered.")] = None) -> None:
    """Copy tracked data to the remote."""
    from glassbox.versioning import push as dvc_push

    for line in dvc_push(_root(), remote=remote):
        _say(line)


@data_app.command()
@_command
def pull(remote: Annotated[str | None, typer.Option(help="Where from: a folder or URL; remembered.")] = None) -> None:
    """Bring tracked data back from the remote."""
    from glassbox.versioning import pull as dvc_pull

    for line in dvc_pull(_root(), remote=remote):
        _say(line)


def main() -> None:
    """The entry point of the command."""
    app()
