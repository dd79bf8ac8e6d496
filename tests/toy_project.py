"""A project of four minimal stages, run by the real runner, graph, kernels and store."""

from pathlib import Path

from glassbox.pipeline.kernels import KernelServer
from glassbox.pipeline.run import RunResult, run_request
from glassbox.request.bounds import Bound
from glassbox.request.model import Data, Request


def _task(name: str, folder: str, products: list[str]) -> str:
    lines = [f"  - name: {name}", f"    source: {folder}/{name}.py", "    nb_product_key: nb", "    static_analysis: disable"]
    lines += ["    kernelspec_name: python3", '    params: {request: "{{name}}"}', "    product:"]
    lines += [f"      nb: reports/{{{{name}}}}/{name}.ipynb", f"      findings: data/{{{{name}}}}/{name}/findings.json"]
    lines += [f"      {p}: data/{{{{name}}}}/{name}/{p}.{'parquet' if p in ('train', 'holdout') else 'json'}" for p in products]
    return "\n".join(lines)


PIPELINE = "\n".join(
    [
        "meta:",
        "  extract_upstream: true",
        "  extract_product: false",
        "tasks:",
        _task("ingest", "notebooks", ["train", "holdout"]),
        _task("explore", "notebooks/{{family}}", []),
        _task("features", "notebooks/{{family}}", ["recipe"]),
        _task("evaluate", "notebooks/{{family}}", ["score"]),
        "",
    ]
)


def notebook(name: str, upstream: str, *cells: str) -> str:
    """Return a percent-format notebook: title, parameters, `Stage.open`, and the given cells."""
    head = [
        f"# %% [markdown]\n# # {name}\n# What is this?",
        f'# %% tags=["parameters"]\nupstream = {upstream}\nproduct = None\nrequest = "toy"',
        "# %%\nfrom glassbox.findings.model import Facts\nfrom glassbox.runtime.stage import Stage",
        f'# %%\nstage = Stage.open("{name}", request, upstream, product)',
    ]
    return "\n\n".join([*head, *(f"# %%\n{cell}" for cell in cells)]) + "\n"


NOTEBOOKS = {
    "notebooks/ingest.py": notebook(
        "ingest",
        "None",
        "import pandas as pd",
        "frame = pd.read_csv(stage.root / stage.request.data.path).sort_values('x', ignore_index=True)",
        'stage.show("data_summary", Facts(title="Arrived", facts={"rows": len(frame)}), report=True)',
        "stage.save(train=frame[frame.x % 2 == 0], holdout=frame[frame.x % 2 == 1])",
    ),
    "notebooks/tabular/explore.py": notebook(
        "explore",
        '{"ingest": ["train"]}',
        'train = stage.load("train")',
        'stage.show("mean", Facts(title="Mean", facts={"mean": float(train.x.mean())}))',
        "stage.save()",
    ),
    "notebooks/tabular/features.py": notebook(
        "features",
        '{"ingest": ["train"]}',
        "# The columns that the model sees.",
        'train = stage.load("train")',
        "seed = stage.request.seed",
        "stage.save(recipe={'columns': list(train.columns)})",
    ),
    "notebooks/tabular/evaluate.py": notebook(
        "evaluate",
        '{"ingest": ["holdout"], "features": ["recipe"]}',
        'holdout, recipe = stage.load("holdout", "recipe")',
        'import time\nstage.show("seconds", Facts(title="Now", facts={"now": time.time()}), measured=True)',
        "stage.save(score={'rows': len(holdout), 'cost': stage.request.cost})",
    ),
}


class Project:
    """A project in a temporary folder."""

    def __init__(self, root: Path, kernels: KernelServer) -> None:
        self.root = root
        self.kernels = kernels
        self.request = Request(
            name="toy",
            task="classification",
            data=Data(path="toy.csv", target="y"),
            requirements={"accuracy": Bound(op=">", value=0.5)},
        )

    def run(self, **options: object) -> RunResult:
        """Run the request and raise its failure, if any."""
        result = run_request(self.root, self.request, kernels=self.kernels, **options)  # type: ignore[arg-type]
        if result.failure is not None:
            raise result.failure
        return result

    def edit(self, path: str, old: str, new: str) -> None:
        """Replace text in one of the project's files."""
        file = self.root / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))


def statuses(result: RunResult) -> dict[str, str]:
    """Return the status of each stage."""
    return {name: stage["status"] for name, stage in result.run["stages"].items()}
