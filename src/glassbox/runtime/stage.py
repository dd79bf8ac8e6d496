"""What a notebook holds in its hand: open, load, show, save.

Run by the pipeline, a stage reads what it was handed and writes to a scratch folder that the runner publishes when the
notebook has ended well. Run by a person in JupyterLab (`product` is None), it reads the products of the last run and
writes to `data/.scratch/`: never over that run.
"""

import json
import os
import shutil
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
from glassbox.runtime.field_tracking import recorded
from glassbox.runtime.result_cache import ResultCache

SEALED = {"holdout": "evaluate"}  # a product, and the one stage that may open it
FINDING_MIME = "application/vnd.glassbox.finding+json"


def project_root() -> Path:
    """The folder of the project: `GLASSBOX_ROOT`, or the nearest folder upwards that holds `pipeline.yaml`."""
    if named := os.environ.get("GLASSBOX_ROOT"):
        return Path(named)
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / "pipeline.yaml").is_file():
            return folder
    raise GlassboxError(f"{here}: no pipeline.yaml here or above; run this inside a Glassbox project.")


class Stage:
    """One step of the spine, as its notebook sees it. Made by `Stage.open`."""

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
        self.request, self._reads = recorded(request)
        self.threads = request.threads
        self.memo = ResultCache(
            root / "data" / ".store" / "memo",
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
            The stage: `"compare"`.
        request
            The slug of the request. In JupyterLab, `GLASSBOX_REQUEST` names another one without an edit.
        upstream
            What the notebook declares that it reads: `{"features": ["recipe", "folds"]}`. The runner replaces the names
            with paths.
        product
            Set by the runner: the paths of what the stage saves. None when a person runs the notebook.
        """
        root = project_root()
        live = product is None
        slug = os.environ.get("GLASSBOX_REQUEST", request) if live else request
        resolved = root / "data" / slug / "request.json"
        if not resolved.is_file():
            raise GlassboxError(f"data/{slug}: no run of {slug!r} yet; run `glassbox run {slug}` first.")
        if live:
            scratch = root / "data" / ".scratch" / slug / name
            shutil.rmtree(scratch, ignore_errors=True)
        else:
            scratch = Path(os.environ["GLASSBOX_SCRATCH"])
        scratch.mkdir(parents=True, exist_ok=True)
        inputs = _inputs(root, slug, upstream)
        for key in inputs:
            stage, _, item = key.partition(".")
            if item in SEALED and name != SEALED[item]:
                raise StageError(f"{name}: asks for {stage}.{item}, which is sealed; only {SEALED[item]} opens it.")
        products = {key: Path(value) for key, value in (product or {}).items()}
        return cls(name, Request.from_resolved(read_json(resolved)), root, inputs, products, scratch, live=live)

    def load(self, *names: str) -> Any:
        """Load products that the notebook declared in `upstream`: one value, or a tuple of them.

        Parquet gives a frame, JSON what it holds, a folder its path; `"ingest.findings"` gives the findings by name.

        Raises
        ------
        StageError
            When a name was not declared, or is declared for several stages and not written as `stage.name`.
        """
        values = [self._load(name) for name in names]
        return values[0] if len(values) == 1 else tuple(values)

    def _load(self, name: str) -> Any:
        matches = [key for key in self._inputs if key == name or key.partition(".")[2] == name]
        if len(matches) != 1:
            reason = f"is declared by {', '.join(matches)}: write stage.{name}" if matches else "is not declared in `upstream`"
            raise StageError(f"{self.name}: load({name!r}): {name} {reason}. Declared: {', '.join(sorted(self._inputs))}.")
        path = self._inputs[matches[0]]
        if not path.exists():
            raise StageError(f"{self.name}: {path.relative_to(self.root)} is not there; run the stages before this one first.")
        if matches[0].endswith(".holdout"):
            self._note_opening(path)
        if path.is_dir():
            return path
        if path.suffix == ".parquet":
            return read_parquet(path)
        value = read_json(path)
        return read_findings(value) if path.name == "findings.json" else value

    def _ledger(self, holdout: Path) -> Path:
        return self.root / "data" / ".store" / "openings" / f"{hash_file(holdout)}.log"

    def _note_opening(self, holdout: Path) -> None:
        ledger = self._ledger(holdout)
        ledger.parent.mkdir(parents=True, exist_ok=True)
        with ledger.open("a", encoding="utf-8") as stream:
            stream.write(f"{self.name} {'JupyterLab' if self._live else 'run'}\n")

    @property
    def workers(self) -> int:
        """How many fits may run side by side when the stage has the machine for itself. Results never depend on it."""
        return max(1, self.most_threads // self.threads)

    @property
    def most_threads(self) -> int:
        """How many threads the run has; what needs one alone, such as reading a picture, may run so often side by side.

        A `Crew` of so many holds back as long as other stages run beside this one.
        """
        return int(os.environ.get("GLASSBOX_WORKERS", 0)) or len(os.sched_getaffinity(0))

    @property
    def kept(self) -> Path:
        """Where what is costly to compute is kept by its content, for all stages and requests: embeddings."""
        return self.root / "data" / ".store" / "kept"

    @property
    def openings(self) -> int:
        """How often this very holdout has been opened so far in this folder, this time included."""
        ledger = self._ledger(self._inputs["ingest.holdout"])
        return len(ledger.read_text(encoding="utf-8").splitlines()) if ledger.is_file() else 0

    def show(self, name: str, finding: Finding, *, report: bool = False, measured: bool = False) -> None:
        """Display a finding and hand it on under `name`, which becomes the anchor of its cell.

        Parameters
        ----------
        report
            The stakeholder's report takes it too.
        measured
            It depends on the machine or the moment: kept apart, never hashed, never compared.
        """
        from IPython.display import display

        shown = NamedFinding(name=name, report=report, finding=finding)
        if (name in self._findings or name in self._measured) and not self._live:
            raise StageError(f"{self.name}: show({name!r}) twice; a finding's name is its anchor, give each its own.")
        (self._measured if measured else self._findings)[name] = shown
        bundle: dict[str, Any] = {
            "text/plain": f"{finding.title} {finding.say}".strip(),
            "text/html": finding_html(finding),
            FINDING_MIME: plain(finding),
        }
        if isinstance(finding, Figure) and finding.plotly is not None:
            bundle["application/vnd.plotly.v1+json"] = finding.plotly
        display(bundle, raw=True, metadata={"glassbox": {"anchor": name, "measured": measured}})

    def show_all(self, findings: Mapping[str, Finding], *, report: bool = False) -> None:
        """Show several findings, each under its name."""
        for name, finding in findings.items():
            self.show(name, finding, report=report)

    def progress(self, done: int, total: int, what: str = "") -> None:
        """Say how far the stage has come; shown live in the terminal."""
        with (self._scratch / ".progress").open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"done": done, "total": total, "what": what}) + "\n")

    def folder(self, name: str) -> Path:
        """An empty scratch folder to fill, for a product that is a folder."""
        path = self._scratch / name
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        return path

    def save(self, **products: Any) -> None:
        """Save the stage's products and findings: the last call of a notebook.

        Frames become Parquet, models and plain values JSON, a path to a folder is taken whole.

        Raises
        ------
        StageError
            When what is saved is not exactly what `pipeline.yaml` declares.
        """
        declared = set(self._products) - {"nb", "findings"}
        if not self._live and declared != set(products):
            missing, extra = sorted(declared - set(products)), sorted(set(products) - declared)
            raise StageError(
                f"{self.name}: save() was given {', '.join(sorted(products)) or 'nothing'}; pipeline.yaml declares "
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


def _inputs(root: Path, slug: str, upstream: Mapping[str, Any] | None) -> dict[str, Path]:
    """Paths of what was declared: as handed over by the runner, or found in the views of the last run."""
    inputs: dict[str, Path] = {}
    for stage, names in (upstream or {}).items():
        if isinstance(names, Mapping):
            inputs.update({f"{stage}.{name}": root / path for name, path in names.items()})
            continue
        for name in cast(Sequence[str], names):
            folder = root / "data" / slug / stage
            found = [path for path in (folder / f"{name}.parquet", folder / f"{name}.json", folder / name) if path.exists()]
            inputs[f"{stage}.{name}"] = found[0] if found else folder / name
    return inputs


def family_of(request: Request) -> str:
    """The family that answers the request's task."""
    return request.task_spec.family
