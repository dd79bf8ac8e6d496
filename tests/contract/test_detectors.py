"""What every detector owes: the same bytes, the same boxes after loading, no surprises."""

import copy
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import torch

from glassbox.data.formats.json_and_parquet import foreign
from glassbox.data.schema import infer_schema
from glassbox.errors import GlassboxError
from glassbox.families.detection import evaluate
from glassbox.families.detection.boxes import Box, nms
from glassbox.families.detection.dataset import DetectionDataset, boxes_in, labels_of
from glassbox.families.detection.fit import CODE, fit, fit_fold
from glassbox.families.detection.metrics import Matches, score
from glassbox.families.detection.networks import MIN_SCORE, MAX_BOXES, NMS_IOU
from glassbox.families.detection.onnx_export import export, export_facts
from glassbox.families.detection.predictor import BoxPredictor
from glassbox.families.detection.recipe import Augmentation, Recipe
from glassbox.families.detection.score_threshold import Thresholds
from glassbox.families.protocol import Predictor, load_predictor
from glassbox.families.shared.cross_fit import limited
from glassbox.families.shared.set_prediction import make_folds
from glassbox.families.vision import training
from glassbox.families.vision.image_collection import ImageCollection
from glassbox.families.vision.networks import Backbone, load_backbone
from glassbox.families.vision.onnx_graph import write_graph
from glassbox.families.vision.training import checkpoint_path
from glassbox.files import files_below, hash_tree
from glassbox.request.model import Data, Request
from toy_boxes import scenes as toy_scenes
from toy_pictures import toy_backbone

QUICK = {"epochs": 2, "batch": 8, "finest": 8}
MODELS: dict[str, dict[str, Any]] = {
    "nothing": {"kind": "nothing", "params": {}},
    "from nothing": {"kind": "detector", "params": {**QUICK, "start": "nothing"}},
    "head": {"kind": "detector", "params": {**QUICK, "unfrozen": "head"}},
    "block": {"kind": "detector", "params": {**QUICK, "unfrozen": "block", "finest": 16}},
    "all": {"kind": "detector", "params": {**QUICK, "unfrozen": "all"}},
}
LEARNT = [name for name in MODELS if name != "nothing"]
every_model = pytest.mark.parametrize("name", MODELS)
every_learner = pytest.mark.parametrize("name", LEARNT)
Made = Callable[[str], BoxPredictor]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    with limited(1):
        torch.set_num_threads(1)
        yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Backbone:
    return load_backbone(toy_backbone(tmp_path_factory.mktemp("weights")))


def rows(count: int = 24, seed: int = 4) -> pd.DataFrame:
    return toy_scenes(count, seed).assign(row_id=[f"r{i:04d}" for i in range(count)])


def scenes(backbone: Backbone, *, count: int = 24, store: Path | None = None, workers: int = 2) -> DetectionDataset:
    frame = rows(count)
    boxes = boxes_in(frame, "boxes")
    folds = make_folds(frame["row_id"].tolist(), frame["row_id"].tolist(), 2)
    recipe = Recipe(column="picture", side=64, augmentation=Augmentation(zoom=0.2, colour=0.1))
    album = ImageCollection(frame["picture"].tolist(), recipe.image_recipe, [backbone], store, workers)
    return DetectionDataset(frame["row_id"].tolist(), boxes, labels_of(boxes), folds["fold"].to_numpy(), recipe, album)


def model(best: dict[str, Any], backbone: Backbone, *, seed: int = 1, count: int = 24) -> BoxPredictor:
    frame = rows(count)
    asked = Request(name="a", task="computer_vision", answer="boxes", data=Data(path="x", target="boxes", features=["picture"]))
    found = scenes(backbone, count=count)
    chosen = Thresholds(0.2, 0.5, pd.DataFrame(), pd.DataFrame())
    told = {**best, "recipe": found.recipe.model_dump()}
    return evaluate.refit(told, found, infer_schema(frame[["row_id", "picture", "boxes"]], asked), chosen, seed=seed)


@pytest.fixture(scope="module")
def made(weights: Backbone) -> Made:
    """Each detector, fitted once."""
    known: dict[str, BoxPredictor] = {}

    def of(name: str) -> BoxPredictor:
        if name not in known:
            known[name] = model(MODELS[name], weights)
        return known[name]

    return of


def saved(predictor: Predictor, folder: Path) -> str:
    predictor.save(folder)
    return hash_tree(folder)


@every_model
def test_the_same_fit_gives_the_same_bytes(name: str, made: Made, weights: Backbone, tmp_path: Path) -> None:
    assert saved(made(name), tmp_path / "a") == saved(model(MODELS[name], weights), tmp_path / "b")


@every_model
def test_a_detector_is_the_same_after_loading(name: str, made: Made, tmp_path: Path) -> None:
    before = saved(made(name), tmp_path / "a")
    loaded = load_predictor(tmp_path / "a")
    assert isinstance(loaded, Predictor)
    assert saved(loaded, tmp_path / "b") == before
    frame = rows(12, seed=9)
    assert loaded.predict(frame)["y_pred"].tolist() == made(name).predict(frame)["y_pred"].tolist()
    assert [name for name, path in files_below(tmp_path / "a") if foreign(path.read_bytes()).startswith("a pickle")] == []


@every_model
def test_a_picture_is_answered_by_itself(name: str, made: Made) -> None:
    frame = rows(10, seed=9)
    whole = made(name).detect(frame)
    assert whole == [made(name).detect(frame.iloc[[i]])[0] for i in range(10)]
    assert whole == made(name).detect(frame.iloc[::-1])[::-1]
    for boxes in whole:
        for box in boxes:
            assert 0 <= (box.score or 0) <= 1
            assert 0 <= box.x <= box.x + box.width <= 64.01
            assert 0 <= box.y <= box.y + box.height <= 64.01
    if name != "nothing":
        assert any(whole)


@every_learner
def test_boxes_read_from_the_onnx_graph_are_those_that_are_answered(name: str, made: Made, tmp_path: Path) -> None:
    detector, album = made(name), made(name).images(rows(6, seed=9))
    first, second = (export(detector, album.pixels) for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.content == second.content
    assert first.apart < 1e-4
    write_graph(first, tmp_path)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    for pixels, expected in zip(album.pixels, detector.detect(rows(6, seed=9)), strict=True):
        x = (pixels[None].transpose(0, 3, 1, 2) / 255).astype(np.float32)
        edges, scores = session.run(["boxes", "scores"], {"picture": x})
        edges = edges.clip(0, 1) * 64
        raw = []
        for i, k in np.argwhere(scores > MIN_SCORE).tolist():
            left, top, right, bottom = edges[i].tolist()
            raw.append(Box(left, top, right - left, bottom - top, detector.labels[k], float(scores[i, k])))
        found = nms(nms(raw, NMS_IOU)[:MAX_BOXES], detector.overlap)
        assert len(found) == len(expected)
        for one, other in zip(found, expected, strict=True):
            assert one.label == other.label
            assert np.allclose([one.x, one.y, one.width, one.height], [other.x, other.y, other.width, other.height], atol=0.02)
            assert abs(one.score - other.score) < 1e-4


def test_a_detector_that_is_no_network_has_no_graph(made: Made) -> None:
    assert export(made("nothing"), made("nothing").images(rows(2)).pixels) is None
    assert export_facts(None, made("nothing")).title == "There is no ONNX graph:"


@every_model
def test_missing_pictures_and_none_at_all_get_an_answer(name: str, made: Made) -> None:
    found = made(name).predict(pd.DataFrame({"picture": [None, rows(1)["picture"][0]]}))
    assert all(isinstance(cell, list) for cell in found["y_pred"])
    assert len(made(name).predict(pd.DataFrame({"picture": []}))) == 0


@every_learner
def test_another_seed_is_another_detector(name: str, made: Made, weights: Backbone) -> None:
    frame = rows(6, seed=9)
    assert made(name).detect(frame) != model(MODELS[name], weights, seed=2).detect(frame)


@every_learner
def test_nothing_that_is_handed_in_is_changed(name: str, weights: Backbone) -> None:
    found, params = scenes(weights), copy.deepcopy(MODELS[name]["params"])
    pixels, boxes, state = found.album.pixels.copy(), copy.deepcopy(found.boxes), torch.random.get_rng_state()
    fit(found, "detector", params, np.arange(len(found)), seed=1)
    assert params == MODELS[name]["params"]
    assert (found.album.pixels == pixels).all()
    assert found.boxes == boxes
    assert torch.equal(torch.random.get_rng_state(), state)


def test_what_can_be_learnt_is_learnt(weights: Backbone) -> None:
    best = {"kind": "detector", "params": {"start": "nothing", "finest": 8, "epochs": 24, "learning_rate": 3e-3, "colour": 0.0}}
    later = rows(20, seed=9)
    found = model(best, weights, count=60).detect(later)
    assert score(Matches.of(boxes_in(later, "boxes"), found, ["disc", "square"]), 0.4)["map_50"] > 0.8


# ------------------------------------------------------------------------------------------------------- side by side


def test_fits_side_by_side_are_what_they_are_one_after_the_other(made: Made, weights: Backbone, tmp_path: Path) -> None:
    with ThreadPoolExecutor(len(LEARNT)) as pool:
        together = dict(zip(LEARNT, pool.map(lambda name: model(MODELS[name], weights), LEARNT), strict=True))
    for name in LEARNT:
        assert saved(together[name], tmp_path / name / "a") == saved(made(name), tmp_path / name / "b")


@pytest.mark.parametrize("name", ["from nothing", "block"])
def test_workers_do_not_matter(name: str, weights: Backbone) -> None:
    found = [
        fit_fold(scenes(weights, workers=workers), 0, "detector", MODELS[name]["params"], seed=1)["boxes"] for workers in (1, 3)
    ]
    assert found[0] == found[1]


@pytest.mark.parametrize("name", ["from nothing", "head", "all"])
def test_a_training_that_was_cut_ends_with_the_same_weights(
    name: str, weights: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = {**MODELS[name]["params"], "epochs": 4}
    found = scenes(weights, store=tmp_path / "kept")
    everyone = np.arange(len(found))

    def weights_of(folder: Path, checkpoint: Path | None) -> str:
        fit(found, "detector", params, everyone, seed=1, checkpoint=checkpoint).save(folder)
        return hash_tree(folder)

    whole = weights_of(tmp_path / "whole", None)
    checkpoint = checkpoint_path(found.album.store, {"what": "a test"}, CODE)
    written, real = [], training._write_checkpoint

    def cut(*given: Any) -> None:
        real(*given)
        written.append(given[-1])
        if len(written) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(training, "_write_checkpoint", cut)
    with pytest.raises(KeyboardInterrupt):
        weights_of(tmp_path / "cut", checkpoint)
    monkeypatch.setattr(training, "_write_checkpoint", real)
    assert checkpoint is not None
    assert checkpoint.is_file()
    assert weights_of(tmp_path / "resumed", checkpoint) == whole


def test_a_fold_leaves_no_checkpoint_behind(weights: Backbone, tmp_path: Path) -> None:
    found = scenes(weights, store=tmp_path / "kept")
    fit_fold(found, 0, "detector", MODELS["head"]["params"], seed=1)
    assert list((tmp_path / "kept").rglob("*.*")) == []


def test_weights_that_are_not_named_are_missed_in_words(weights: Backbone) -> None:
    found = scenes(weights)
    bare = replace(found, album=ImageCollection(found.album.cells, found.recipe.image_recipe))
    with pytest.raises(GlassboxError, match=r"weights\.backbones"):
        fit(bare, "detector", {}, np.arange(8), seed=1)
    with pytest.raises(GlassboxError, match=r"weights\.detector"):
        fit(bare, "as_it_comes", {}, np.arange(8), seed=1)
    with pytest.raises(GlassboxError, match="No kind of model"):
        fit(bare, "a_wish", {}, np.arange(8), seed=1)


def test_other_processes_and_hash_seeds_give_the_same_bytes(made: Made, tmp_path: Path) -> None:
    own = saved(made("from nothing"), tmp_path / "own")
    script = (
        "import sys; from pathlib import Path; import test_detectors as t; from glassbox.files import hash_tree\n"
        "b = t.backbone_in(t.toy_backbone(Path(sys.argv[1]) / 'w'))\n"
        "import torch; torch.set_num_threads(1)\n"
        "m = t.model(t.MODELS['from nothing'], b); m.save(Path(sys.argv[1]) / 'm'); print(hash_tree(Path(sys.argv[1]) / 'm'))"
    )
    here = Path(__file__).parent
    paths = os.pathsep.join(str(path) for path in (here, here.parent))
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "other")],
        env={**os.environ, "PYTHONPATH": paths, "PYTHONHASHSEED": "7", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split()[-1:] == [own], done.stderr
