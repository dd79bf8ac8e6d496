"""The API that stage notebooks use: open a stage, load inputs, show results, save outputs.

In a pipeline run, a stage reads the inputs that the runner passes and writes to a scratch folder, which the runner publishes once
the notebook has succeeded. In JupyterLab (`product` is None), a stage reads the products of the last run and writes to
`data/.scratch/`, so it never overwrites that run.
"""

import json
import logging
import os
import shutil
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import pandas as pd

from glassbox import code_hash
from glassbox.errors import GlassboxError, StageError
from glassbox.files import hash_file, plain, read_json, read_parquet, write_json, write_parquet
from glassbox.findings.html import finding_html
from glassbox.findings.model import Figure, Finding, NamedFinding, read_findings
from glassbox.platform_info import platform_facts
from glassbox.request.model import Request
from glassbox.runtime.field_tracking import track_reads
from glassbox.runtime.resources import Resources
from glassbox.runtime.result_cache import ResultCache
from glassbox.state_files import read_state, write_state

HOLDOUT_READERS = {"holdout": "evaluate"}  # product name -> the only stage that may read it
FINDING_MIME = "application/vnd.glassbox.finding+json"


def project_root() -> Path:
    """Return the project folder: `GLASSBOX_ROOT`, or the nearest parent folder that contains `pipeline.yaml`."""
    if named := os.environ.get("GLASSBOX_ROOT"):
        return Path(named)
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "pipeline.yaml").is_file():
            return folder
    raise GlassboxError(f"{here}: no pipeline.yaml in this folder or a parent folder; run this inside a Glassbox project.")


class Stage:
    """One stage of the pipeline, as its notebook uses it. Create it with `Stage.open`."""

    def __init__(
        self,
        name: str,
        request: Request,
        root: Path,
        inputs: Mapping[str, Path],
        products: Mapping[str, Path],
        scratch: Path,
        *,
        live: bool,
    ) -> None:
        self.name = name
        self.root = root
        self.request, self._reads = track_reads(request)
        self.threads = request.threads
        self.cache = ResultCache(
            root / "data" / ".store" / "cache",
            {"lock": hash_file(root / "requirements.lock"), "platform": platform_facts(request.threads)},
        )
        self._inputs = dict(inputs)
        self._products = dict(products)
        self._scratch = scratch
        self._live = live
        self._findings: dict[str, NamedFinding] = {}
        self._measured: dict[str, NamedFinding] = {}

    @classmethod
    def open(cls, name: str, request: str, upstream: Mapping[str, Any], product: Mapping[str, str] | None) -> "Stage":
        """Open a stage for its notebook.

        Parameters
        ----------
        name
            The name of the stage, such as `"compare"`.
        request
            The slug of the request. In JupyterLab, the environment variable `GLASSBOX_REQUEST` overrides it.
        upstream
            The products that the notebook reads, by stage: `{"features": ["recipe", "folds"]}`. The runner replaces the names
            with paths.
        product
            The paths of the products that the stage saves; set by the runner, and None in JupyterLab.

        Raises
        ------
        GlassboxError
            The request has not been run yet.
        StageError
            The notebook declares a product that only another stage may read.
        """
        root = project_root()
        live = product is None
        slug = os.environ.get("GLASSBOX_REQUEST", request) if live else request
        resolved = read_state(root / "data" / slug / "request.json")
        if resolved is None:
            raise GlassboxError(f"data/{slug}: {slug!r} has not been run yet; run `glassbox run {slug}` first.")
        if live:
            scratch = root / "data" / ".scratch" / slug / name
            shutil.rmtree(scratch, ignore_errors=True)
        else:
            scratch = Path(os.environ["GLASSBOX_SCRATCH"])
            _log_outside_of_the_notebook()
        scratch.mkdir(parents=True, exist_ok=True)
        inputs = _inputs(root, slug, upstream)
        for key in inputs:
            stage, _, item = key.partition(".")
            if item in HOLDOUT_READERS and name != HOLDOUT_READERS[item]:
                raise StageError(f"{name}: cannot read {stage}.{item}; only {HOLDOUT_READERS[item]} may read it.")
        products = {key: Path(value) for key, value in (product or {}).items()}
        return cls(name, Request.from_resolved(resolved), root, inputs, products, scratch, live=live)

    def load(self, *names: str) -> Any:
        """Load products that the notebook declares in `upstream`: one value, or a tuple of values.

        A Parquet file is loaded as a DataFrame, a JSON file as its content, a folder as its path, and `"ingest.findings"` as a
        dictionary of findings by name.

        Raises
        ------
        StageError
            A name is not declared, is ambiguous because several stages declare it, or has not been produced yet.
        """
        values = [self._load(name) for name in names]
        return values[0] if len(values) == 1 else tuple(values)

    def _load(self, name: str) -> Any:
        matches = [key for key in self._inputs if key == name or key.partition(".")[2] == name]
        if len(matches) != 1:
            reason = f"is declared as {', '.join(matches)}: write stage.{name}" if matches else "is not declared in `upstream`"
            raise StageError(f"{self.name}: load({name!r}): {name} {reason}. Declared: {', '.join(sorted(self._inputs))}.")
        path = self._inputs[matches[0]]
        if not path.exists():
            raise StageError(f"{self.name}: {path.relative_to(self.root)} does not exist; run the upstream stages first.")
        if matches[0].endswith(".holdout"):
            self._record_holdout_read(path)
        if path.is_dir():
            return path
        if path.suffix == ".parquet":
            return read_parquet(path)
        value = read_json(path)
        return read_findings(value) if path.name == "findings.json" else value

    def _holdout_reads(self, holdout: Path) -> Path:
        """Return the folder with one file for each time that the holdout was read; a damaged file counts as well."""
        return self.root / "data" / ".store" / "holdout_reads" / hash_file(holdout)

    def _record_holdout_read(self, holdout: Path) -> None:
        path = self._holdout_reads(holdout) / f"{uuid.uuid4().hex}.json"
        write_state(path, {"stage": self.name, "by": "JupyterLab" if self._live else "run"})

    @property
    def workers(self) -> int:
        """The number of fits that may run in parallel when no other stage runs. Results never depend on it."""
        return max(1, self.max_threads // self.threads)

    @property
    def max_threads(self) -> int:
        """The number of threads of the run: the number of single-threaded tasks, such as decoding images, that may run in parallel.

        A `WorkerPool` of this size uses fewer threads while other stages run in parallel.
        """
        return int(os.environ.get("GLASSBOX_WORKERS", 0)) or len(os.sched_getaffinity(0))

    @property
    def vector_cache_dir(self) -> Path:
        """The folder of the embedding cache, keyed by content and shared by all stages and requests."""
        return self.root / "data" / ".store" / "vectors"

    @property
    def resources(self) -> Resources:
        """The seed, threads, workers, caches, project folder and progress callback that every fit of the stage uses."""
        return Resources(
            seed=self.request.seed,
            threads=self.threads,
            workers=self.workers,
            max_threads=self.max_threads,
            cache=self.cache,
            vector_cache_dir=self.vector_cache_dir,
            root=self.root,
            progress=self.progress,
        )

    @property
    def holdout_reads(self) -> int:
        """The number of times that this holdout has been read in this project, including the current run."""
        return len(list(self._holdout_reads(self._inputs["ingest.holdout"]).glob("[!.]*")))

    def show(self, name: str, finding: Finding, *, report: bool = False, measured: bool = False) -> None:
        """Display a finding and record it under `name`, which becomes the anchor of its cell.

        Parameters
        ----------
        name
            The name of the finding, unique within the stage.
        finding
            The finding.
        report
            Whether the stakeholder's report includes the finding.
        measured
            Whether the finding depends on the machine or the time of the run. Such findings are stored separately and are neither
            hashed nor compared between runs.

        Raises
        ------
        StageError
            The stage has already shown a finding of this name.
        """
        from IPython.display import display

        named = NamedFinding(name=name, report=report, finding=finding)
        if (name in self._findings or name in self._measured) and not self._live:
            raise StageError(
                f"{self.name}: show({name!r}) is called twice; a finding's name is its anchor, so give each finding its own name."
            )
        (self._measured if measured else self._findings)[name] = named
        bundle: dict[str, Any] = {
            "text/plain": f"{finding.title} {finding.say}".strip(),
            "text/html": finding_html(finding),
            FINDING_MIME: plain(finding),
        }
        if isinstance(finding, Figure) and finding.plotly is not None:
            bundle["application/vnd.plotly.v1+json"] = finding.plotly
        display(bundle, raw=True, metadata={"glassbox": {"anchor": name, "measured": measured}})

    def show_all(self, findings: Mapping[str, Finding], *, report: bool = False) -> None:
        """Show several findings, each under its own name."""
        for name, finding in findings.items():
            self.show(name, finding, report=report)

    def progress(self, done: int, total: int, what: str = "") -> None:
        """Report the progress of the stage; the terminal shows it live."""
        with (self._scratch / ".progress").open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"done": done, "total": total, "what": what}) + "\n")

    def folder(self, name: str) -> Path:
        """Create an empty scratch folder for a folder product, and return its path."""
        path = self._scratch / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        return path

    def save(self, **products: Any) -> None:
        """Save the stage's products and findings: the last call of a notebook.

        A DataFrame is written as Parquet, a folder path is copied as a folder, and any other value is written as JSON.

        Raises
        ------
        StageError
            The products are not exactly those that `pipeline.yaml` declares.
        """
        declared = set(self._products) - {"nb", "findings"}
        if not self._live and declared != set(products):
            missing, extra = sorted(declared - set(products)), sorted(set(products) - declared)
            raise StageError(
                f"{self.name}: save() was called with {', '.join(sorted(products)) or 'no products'}; pipeline.yaml declares "
                f"{', '.join(sorted(declared)) or 'nothing'} (missing: {missing or 'none'}, not declared: {extra or 'none'})."
            )
        for name, value in products.items():
            self._write(name, value)
        write_json(self._scratch / "measured.json", list(self._measured.values()))
        write_json(self._scratch / "findings.json", list(self._findings.values()))
        write_json(self._scratch / ".trace.json", {"reads": self._reads, "modules": code_hash.loaded_modules()})

    def _write(self, name: str, value: Any) -> None:
        if isinstance(value, pd.DataFrame):
            write_parquet(self._scratch / f"{name}.parquet", value)
        elif isinstance(value, Path):
            target = self._scratch / name
            if value.resolve() != target.resolve():
                shutil.copytree(value, target, dirs_exist_ok=True)
        else:
            write_json(self._scratch / f"{name}.json", value)


def _log_outside_of_the_notebook() -> None:
    """Write warnings, such as those about damaged files of a cache, to the log of the kernel: they are not part of any product."""
    path, log = os.environ.get("GLASSBOX_KERNEL_LOG"), logging.getLogger("glassbox")
    if path and not log.handlers:
        log.addHandler(logging.FileHandler(path, encoding="utf-8"))
        log.propagate = False


def _inputs(root: Path, slug: str, upstream: Mapping[str, Any] | None) -> dict[str, Path]:
    """Return the paths of the declared inputs: as passed by the runner, or from the views of the last run."""
    inputs: dict[str, Path] = {}
    for stage, names in (upstream or {}).items():
        if isinstance(names, Mapping):
            inputs.update({f"{stage}.{name}": root / path for name, path in names.items()})
            continue
        for name in cast(Sequence[str], names):
            folder = root / "data" / slug / stage
            candidates = (folder / f"{name}.parquet", folder / f"{name}.json", folder / name)
            inputs[f"{stage}.{name}"] = next((path for path in candidates if path.exists()), folder / name)
    return inputs
