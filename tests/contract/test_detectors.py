"""The contract of every detector: reproducible bytes, and the same boxes after loading and ONNX export."""

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

from glassbox.data.formats.signatures import unsupported_format
from glassbox.data.schema import infer_schema
from glassbox.errors import GlassboxError
from glassbox.families.detection.boxes import Box, nms, xywh
from glassbox.families.detection.dataset import DetectionDataset, boxes_in, labels_of
from glassbox.families.detection.fit import CODE, fit, fit_fold
from glassbox.families.detection.metrics import Matches, score
from glassbox.families.detection.networks import MAX_BOXES, MIN_SCORE, NMS_IOU
from glassbox.families.detection.onnx_export import export, export_facts
from glassbox.families.detection.predictor import BoxPredictor
from glassbox.families.detection.recipe import Augmentation, Recipe
from glassbox.families.detection.refit import refit
from glassbox.families.detection.score_threshold import Thresholds
from glassbox.families.predictor_protocol import Predictor, load_predictor
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.cross_fit import limit_threads
from glassbox.families.shared.folds import group_folds
from glassbox.families.vision import training
from glassbox.families.vision.image_collection import ImageCollection
from glassbox.families.vision.networks import Backbone, load_backbone
from glassbox.families.vision.onnx_export import write_graph
from glassbox.families.vision.training import checkpoint_path
from glassbox.files import files_below, hash_tree
from glassbox.request.model import Data, Request
from glassbox.runtime.resources import Resources
from toy_boxes import scenes as toy_scenes
from toy_pictures import toy_backbone

QUICK = {"epochs": 2, "batch": 8, "finest": 8}
MODELS: dict[str, dict[str, Any]] = {
    "nothing": {"kind": "nothing", "params": {}},
    "from scratch": {"kind": "detector", "params": {**QUICK, "start": "nothing"}},
    "head": {"kind": "detector", "params": {**QUICK, "unfrozen": "head"}},
    "block": {"kind": "detector", "params": {**QUICK, "unfrozen": "block", "finest": 16}},
    "all": {"kind": "detector", "params": {**QUICK, "unfrozen": "all"}},
}
TRAINED = [name for name in MODELS if name != "nothing"]
every_model = pytest.mark.parametrize("name", MODELS)
every_trained_model = pytest.mark.parametrize("name", TRAINED)
Trained = Callable[[str], BoxPredictor]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    with limit_threads(1):
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
    folds = group_folds(frame["row_id"].tolist(), frame["row_id"].tolist(), 2)
    recipe = Recipe(column="picture", side=64, augmentation=Augmentation(zoom=0.2, colour=0.1))
    images = ImageCollection(frame["picture"].tolist(), recipe.image_recipe, [backbone], store, workers)
    return DetectionDataset(frame["row_id"].tolist(), boxes, labels_of(boxes), folds["fold"].to_numpy(), recipe, images)


def model(best: dict[str, Any], backbone: Backbone, *, seed: int = 1, count: int = 24) -> BoxPredictor:
    frame = rows(count)
    request = Request(name="a", task="computer_vision", answer="boxes", data=Data(path="x", target="boxes", features=["picture"]))
    dataset = scenes(backbone, count=count)
    thresholds = Thresholds(0.2, 0.5, pd.DataFrame(), pd.DataFrame())
    best = {**best, "recipe": dataset.recipe.model_dump()}
    return refit(best, dataset, infer_schema(frame[["row_id", "picture", "boxes"]], request), thresholds, Resources(seed=seed))


@pytest.fixture(scope="module")
def trained(weights: Backbone) -> Trained:
    """Return a function that fits each detector once."""
    models: dict[str, BoxPredictor] = {}

    def of(name: str) -> BoxPredictor:
        if name not in models:
            models[name] = model(MODELS[name], weights)
        return models[name]

    return of


def saved_hash(predictor: Predictor, folder: Path) -> str:
    predictor.save(folder)
    return hash_tree(folder)


@every_model
def test_same_fit_writes_the_same_bytes(name: str, trained: Trained, weights: Backbone, tmp_path: Path) -> None:
    assert saved_hash(trained(name), tmp_path / "a") == saved_hash(model(MODELS[name], weights), tmp_path / "b")


@every_model
def test_loaded_detector_is_the_same(name: str, trained: Trained, tmp_path: Path) -> None:
    before = saved_hash(trained(name), tmp_path / "a")
    loaded = load_predictor(tmp_path / "a")
    assert isinstance(loaded, Predictor)
    assert saved_hash(loaded, tmp_path / "b") == before
    frame = rows(12, seed=9)
    assert loaded.predict(frame)["y_pred"].tolist() == trained(name).predict(frame)["y_pred"].tolist()
    assert [
        name for name, path in files_below(tmp_path / "a") if unsupported_format(path.read_bytes()).startswith("a pickle")
    ] == []


@every_model
def test_boxes_do_not_depend_on_other_rows(name: str, trained: Trained) -> None:
    frame = rows(10, seed=9)
    whole = trained(name).detect(frame)
    assert whole == [trained(name).detect(frame.iloc[[i]])[0] for i in range(10)]
    assert whole == trained(name).detect(frame.iloc[::-1])[::-1]
    for boxes in whole:
        for box in boxes:
            assert 0 <= (box.score or 0) <= 1
            assert 0 <= box.x <= box.x + box.width <= 64.01
            assert 0 <= box.y <= box.y + box.height <= 64.01
    if name != "nothing":
        assert any(whole)


@every_trained_model
def test_boxes_of_the_onnx_graph_equal_those_of_the_detector(name: str, trained: Trained, tmp_path: Path) -> None:
    detector, images = trained(name), trained(name).images(rows(6, seed=9))
    first, second = (export(detector, images.pixels) for _ in range(2))
    assert first is not None
    assert second is not None
    assert first.content == second.content
    assert first.max_difference < 1e-4
    write_graph(first, tmp_path)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    for pixels, expected in zip(images.pixels, detector.detect(rows(6, seed=9)), strict=True):
        x = (pixels[None].transpose(0, 3, 1, 2) / 255).astype(np.float32)
        edges, scores = session.run(["boxes", "scores"], {"picture": x})
        edges = edges.clip(0, 1) * 64
        raw = []
        for i, k in np.argwhere(scores > MIN_SCORE).tolist():
            left, top, right, bottom = edges[i].tolist()
            raw.append(Box(left, top, right - left, bottom - top, detector.labels[k], float(scores[i, k])))
        boxes = nms(nms(raw, NMS_IOU)[:MAX_BOXES], detector.nms_iou)
        assert len(boxes) == len(expected)
        for box, reference in zip(boxes, expected, strict=True):
            assert box.label == reference.label
            assert np.allclose(xywh([box]), xywh([reference]), atol=0.02)
            assert abs(box.score - reference.score) < 1e-4


def test_detector_without_a_torch_network_has_no_onnx_graph(trained: Trained) -> None:
    assert export(trained("nothing"), trained("nothing").images(rows(2)).pixels) is None
    assert export_facts(None, trained("nothing")).say.startswith("There is no ONNX graph")


@every_model
def test_missing_images_and_empty_frames_are_predicted(name: str, trained: Trained) -> None:
    predictions = trained(name).predict(pd.DataFrame({"picture": [None, rows(1)["picture"][0]]}))
    assert all(isinstance(cell, list) for cell in predictions["y_pred"])
    assert len(trained(name).predict(pd.DataFrame({"picture": []}))) == 0


@every_trained_model
def test_seed_changes_the_detector(name: str, trained: Trained, weights: Backbone) -> None:
    frame = rows(6, seed=9)
    assert trained(name).detect(frame) != model(MODELS[name], weights, seed=2).detect(frame)


@every_trained_model
def test_fit_does_not_change_its_arguments(name: str, weights: Backbone) -> None:
    dataset, params = scenes(weights), copy.deepcopy(MODELS[name]["params"])
    pixels, boxes, state = dataset.images.pixels.copy(), copy.deepcopy(dataset.boxes), torch.random.get_rng_state()
    fit(dataset, "detector", params, np.arange(len(dataset)), Resources(seed=1))
    assert params == MODELS[name]["params"]
    assert (dataset.images.pixels == pixels).all()
    assert dataset.boxes == boxes
    assert torch.equal(torch.random.get_rng_state(), state)


def test_detector_learns_simple_objects(weights: Backbone) -> None:
    best = {"kind": "detector", "params": {"start": "nothing", "finest": 8, "epochs": 24, "learning_rate": 3e-3, "colour": 0.0}}
    test = rows(20, seed=9)
    boxes = model(best, weights, count=60).detect(test)
    assert score(Matches.of(boxes_in(test, "boxes"), boxes, ["disc", "square"]), 0.4)["map_50"] > 0.8


# ------------------------------------------------------------------------------------------------------- side by side


def test_parallel_fits_equal_sequential_fits(trained: Trained, weights: Backbone, tmp_path: Path) -> None:
    with ThreadPoolExecutor(len(TRAINED)) as pool:
        parallel = dict(zip(TRAINED, pool.map(lambda name: model(MODELS[name], weights), TRAINED), strict=True))
    for name in TRAINED:
        assert saved_hash(parallel[name], tmp_path / name / "a") == saved_hash(trained(name), tmp_path / name / "b")


@pytest.mark.parametrize("name", ["from scratch", "block"])
def test_number_of_workers_does_not_change_the_boxes(name: str, weights: Backbone) -> None:
    boxes = [
        fit_fold(
            scenes(weights, workers=workers),
            Candidate(name="a", kind="detector", params=MODELS[name]["params"]),
            0,
            Resources(seed=1),
        )["boxes"]
        for workers in (1, 3)
    ]
    assert boxes[0] == boxes[1]


@pytest.mark.parametrize("name", ["from scratch", "head", "all"])
def test_resumed_training_ends_with_the_same_weights(
    name: str, weights: Backbone, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = {**MODELS[name]["params"], "epochs": 4}
    dataset = scenes(weights, store=tmp_path / "store")
    rows_of_train = np.arange(len(dataset))

    def weights_of(folder: Path, checkpoint: Path | None) -> str:
        fit(dataset, "detector", params, rows_of_train, Resources(seed=1), checkpoint=checkpoint).save(folder)
        return hash_tree(folder)

    whole = weights_of(tmp_path / "whole", None)
    checkpoint = checkpoint_path(dataset.images.store, {"what": "a test"}, CODE)
    written, real = [], training._write_checkpoint

    def interrupt(*args: Any) -> None:
        real(*args)
        written.append(args[-1])
        if len(written) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(training, "_write_checkpoint", interrupt)
    with pytest.raises(KeyboardInterrupt):
        weights_of(tmp_path / "interrupted", checkpoint)
    monkeypatch.setattr(training, "_write_checkpoint", real)
    assert checkpoint is not None
    assert checkpoint.is_file()
    assert weights_of(tmp_path / "resumed", checkpoint) == whole


def test_fold_removes_its_checkpoint(weights: Backbone, tmp_path: Path) -> None:
    dataset = scenes(weights, store=tmp_path / "store")
    fit_fold(dataset, Candidate(name="a", kind="detector", params=MODELS["head"]["params"]), 0, Resources(seed=1))
    assert list((tmp_path / "store").rglob("*.*")) == []


def test_missing_weights_raise(weights: Backbone) -> None:
    dataset = scenes(weights)
    bare = replace(dataset, images=ImageCollection(dataset.images.cells, dataset.recipe.image_recipe))
    with pytest.raises(GlassboxError, match=r"weights\.backbones"):
        fit(bare, "detector", {}, np.arange(8), Resources(seed=1))
    with pytest.raises(GlassboxError, match=r"weights\.detector"):
        fit(bare, "pretrained", {}, np.arange(8), Resources(seed=1))
    with pytest.raises(GlassboxError, match="Unknown kind of model"):
        fit(bare, "unknown", {}, np.arange(8), Resources(seed=1))


def test_another_process_and_hash_seed_write_the_same_bytes(trained: Trained, tmp_path: Path) -> None:
    expected = saved_hash(trained("from scratch"), tmp_path / "here")
    script = (
        "import sys; from pathlib import Path; import test_detectors as t; from glassbox.files import hash_tree\n"
        "b = t.load_backbone(t.toy_backbone(Path(sys.argv[1]) / 'w'))\n"
        "import torch; torch.set_num_threads(1)\n"
        "m = t.model(t.MODELS['from scratch'], b); m.save(Path(sys.argv[1]) / 'm'); print(hash_tree(Path(sys.argv[1]) / 'm'))"
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
    assert done.stdout.split()[-1:] == [expected], done.stderr
