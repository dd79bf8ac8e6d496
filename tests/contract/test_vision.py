"""The contract of every image classifier: reproducible bytes, and the same predictions after loading and ONNX export."""

import copy
import os
import pickle
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
from glassbox.families.classification.calibration.apply import Calibration
from glassbox.families.classification.dataset import labelled_rows
from glassbox.families.classification.folds import make_folds
from glassbox.families.predictor_protocol import Predictor, load_predictor
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.cross_fit import limit_threads
from glassbox.families.vision import image_collection, networks, onnx_export, training
from glassbox.families.vision.dataset import VisionDataset
from glassbox.families.vision.fit import fit_fold
from glassbox.families.vision.image_collection import ImageCollection
from glassbox.families.vision.models import KINDS, Fitting
from glassbox.families.vision.networks import Backbone, build_architecture, load_backbone, read_tensors
from glassbox.families.vision.onnx_export import export, write_graph
from glassbox.families.vision.predictor import VisionPredictor
from glassbox.families.vision.recipe import Augmentation, Recipe
from glassbox.families.vision.refit import refit
from glassbox.files import files_below, hash_tree
from glassbox.request.model import Data, Request
from glassbox.runtime.resources import Resources
from toy_pictures import BACKBONE, shapes, toy_backbone

QUICK = {"epochs": 3, "batch": 16}
SMALL = {**QUICK, "learning_rate": 0.003, "crop": 1.0, "shift": 2, "colour": 0.0}
BLOCK = {"backbone": 0, "unfrozen": "block", **QUICK}
MODELS: dict[str, dict[str, Any]] = {
    "majority": {"kind": "majority", "params": {}},
    "embeddings": {"kind": "embeddings", "params": {"C": 0.01}},
    "embeddings of two": {"kind": "embeddings", "params": {"backbones": [0, 1], "C": 0.01}},
    "small network": {"kind": "small_network", "params": {**SMALL, "side": 24}},  # the recipe uses 32
    "head": {"kind": "fine_tuned", "params": {**BLOCK, "unfrozen": "head"}},
    "last block": {"kind": "fine_tuned", "params": BLOCK},
    "all": {"kind": "fine_tuned", "params": {**BLOCK, "backbone": 1, "unfrozen": "all", "learning_rate": 2e-4, "side": 28}},
    "ensemble": {
        "kind": "ensemble",
        "params": {
            "members": [
                {"name": "a", "weight": 0.7, "kind": "embeddings", "params": {"backbones": [1]}},
                {"name": "b", "weight": 0.4, "kind": "small_network", "params": SMALL},
            ]
        },
    },
}
TRAINED = [name for name in MODELS if name not in ("majority", "embeddings", "embeddings of two")]
every_model = pytest.mark.parametrize("name", MODELS)
PROBA = ["proba_disc", "proba_square"]


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    with limit_threads(1):
        torch.set_num_threads(1)
        yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> list[Backbone]:
    folder = tmp_path_factory.mktemp("weights")
    return [load_backbone(toy_backbone(folder / str(seed), seed)) for seed in (5, 6)]


def pictures(backbones: list[Backbone], *, count: int = 48, store: Path | None = None) -> VisionDataset:
    frame = shapes(count)
    folds = make_folds(frame["row_id"], frame["shape"], 2)
    labelled = labelled_rows(frame, "shape", ["disc", "square"], folds)
    augmentation = Augmentation(crop=0.7)
    recipe = Recipe(column="picture", side=32, backbones=[0, 1], augmentation=augmentation)
    return VisionDataset(labelled, ImageCollection(labelled.frame["picture"].tolist(), recipe, backbones, store, workers=2))


def model(best: dict[str, Any], backbones: list[Backbone], *, seed: int = 1) -> VisionPredictor:
    frame = shapes(48)
    request = Request(name="a", task="computer_vision", data=Data(path="x", target="shape", features=["picture"]))
    data = pictures(backbones)
    best = {**best, "recipe": data.images.recipe.model_dump()}
    return refit(best, data, infer_schema(frame, request), Calibration(), 0.5, Resources(seed=seed))


@pytest.fixture(scope="module")
def trained(weights: list[Backbone]) -> Callable[[str], VisionPredictor]:
    """Return a function that fits each model once."""
    models: dict[str, VisionPredictor] = {}

    def of(name: str) -> VisionPredictor:
        if name not in models:
            models[name] = model(MODELS[name], weights)
        return models[name]

    return of


def saved_hash(predictor: VisionPredictor, folder: Path) -> str:
    predictor.save(folder)
    return hash_tree(folder)


Trained = Callable[[str], VisionPredictor]


@every_model
def test_same_fit_writes_the_same_bytes(name: str, trained: Trained, weights: list[Backbone], tmp_path: Path) -> None:
    assert saved_hash(trained(name), tmp_path / "a") == saved_hash(model(MODELS[name], weights), tmp_path / "b")


@every_model
def test_loaded_model_is_the_same(name: str, trained: Trained, tmp_path: Path) -> None:
    before = saved_hash(trained(name), tmp_path / "a")
    loaded = load_predictor(tmp_path / "a")
    assert isinstance(loaded, Predictor)
    assert saved_hash(loaded, tmp_path / "b") == before
    frame = shapes(20)
    assert loaded.predict(frame).equals(trained(name).predict(frame))
    assert [
        name for name, path in files_below(tmp_path / "a") if unsupported_format(path.read_bytes()).startswith("a pickle")
    ] == []


@every_model
def test_prediction_does_not_depend_on_other_rows(name: str, trained: Trained) -> None:
    frame = shapes(12)
    whole = trained(name).predict(frame)[PROBA]
    single = pd.concat([trained(name).predict(frame.iloc[[i]])[PROBA] for i in range(12)])
    reversed_rows = trained(name).predict(frame.iloc[::-1])[PROBA].iloc[::-1]
    assert np.abs(whole - single).to_numpy().max() < 1e-9
    assert np.abs(whole - reversed_rows).to_numpy().max() < 1e-9
    assert whole.sum(axis=1).to_numpy() == pytest.approx(np.ones(12))
    assert whole.to_numpy().min() >= 0


@every_model
def test_missing_images_and_empty_frames_are_predicted(name: str, trained: Trained) -> None:
    predictions = trained(name).predict(pd.DataFrame({"picture": [None, shapes(1)["picture"][0]]}))
    assert predictions[PROBA].sum(axis=1).tolist() == pytest.approx([1, 1])
    for i, row in enumerate(predictions["top"]):
        assert {answer["class"]: answer["probability"] for answer in row} == {
            c: predictions[f"proba_{c}"][i] for c in ("disc", "square")
        }
        assert row[0]["probability"] >= row[1]["probability"]
    assert len(trained(name).predict(pd.DataFrame({"picture": []}))) == 0


@pytest.mark.parametrize(
    ("name", "more", "seed"),
    [
        ("embeddings", {}, 9),
        ("small network", {"epochs": 20}, 9),
        ("all", {"epochs": 10, "learning_rate": 0.001}, 9),
        ("head", {"epochs": 30, "learning_rate": 0.1}, 5),  # embeddings of random weights hardly separate the classes
    ],
)
def test_models_learn_separable_classes(name: str, more: dict[str, Any], seed: int, weights: list[Backbone]) -> None:
    plain = {"batch": 8, "smoothing": 0.0, "crop": 1.0, "colour": 0.0}
    trained = model({**MODELS[name], "params": {**MODELS[name]["params"], **plain, **more}}, weights)
    test = shapes(24, seed=seed)
    assert (trained.predict(test)["y_pred"] == test["shape"]).mean() > 0.75


@every_model
def test_fit_and_predict_do_not_change_their_arguments(name: str, weights: list[Backbone]) -> None:
    weights = [Backbone(backbone.file, backbone.name) for backbone in weights]  # not loaded yet
    data = pictures(weights)
    y, params = data.data.y.copy(), copy.deepcopy(MODELS[name]["params"])
    pixels = data.images.pixels.copy()
    fitting = Fitting(params, 2, 1)
    state = torch.random.get_rng_state()
    tensors = {key: value.clone() for key, value in weights[0].net.state_dict().items()}
    KINDS[MODELS[name]["kind"]].fit(data.images.view_all(), y, fitting).proba(data.images.view_all())
    assert (y == data.data.y).all()
    assert params == MODELS[name]["params"]
    assert (data.images.pixels == pixels).all()
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(value, tensors[key]) for key, value in weights[0].net.state_dict().items())


@pytest.mark.parametrize("name", [name for name in MODELS if name != "majority"])
def test_seed_changes_the_model_and_an_absent_class_is_improbable(name: str, weights: list[Backbone]) -> None:
    data = pictures(weights)
    view = data.images.view_all()
    kind = KINDS[MODELS[name]["kind"]]
    fits = [kind.fit(view, data.data.y, Fitting(MODELS[name]["params"], 3, seed)).proba(view) for seed in (1, 2)]
    if name in TRAINED:
        assert np.abs(fits[0] - fits[1]).max() > 1e-6
    assert fits[0].shape == (48, 3)
    assert fits[0][:, 2].mean() < 0.3


# ------------------------------------------------------------------------------------------------------- side by side


def test_parallel_fits_equal_sequential_fits(trained: Trained, weights: list[Backbone], tmp_path: Path) -> None:
    unloaded = [Backbone(backbone.file, backbone.name) for backbone in weights]
    with ThreadPoolExecutor(len(MODELS)) as pool:
        parallel = dict(zip(MODELS, pool.map(lambda name: model(MODELS[name], unloaded), MODELS), strict=True))
    for name in MODELS:
        assert saved_hash(parallel[name], tmp_path / name) == saved_hash(trained(name), tmp_path / f"{name} sequential"), name


def test_parallel_ensemble_members_equal_sequential_members(weights: list[Backbone]) -> None:
    members = [{"weight": 0.5, "kind": "small_network", "params": SMALL}, {"weight": 0.5, "kind": "fine_tuned", "params": BLOCK}]
    data = pictures(weights)
    fits = [
        KINDS["ensemble"].fit(
            data.images.view_all(), data.data.y, Fitting({"members": members}, 2, 1, checkpoint=None, workers=workers)
        )
        for workers in (1, 2)
    ]
    assert np.array_equal(*(fit.proba(data.images.view_all()) for fit in fits))


def test_parallel_initialisation_uses_separate_random_streams(weights: list[Backbone]) -> None:
    def heads() -> list[torch.Tensor]:
        return [training.with_seed(lambda: weights[0].new_network(2), seed).head.weight for seed in range(12)]

    sequential = heads()
    with ThreadPoolExecutor(3) as pool:
        background = [pool.submit(lambda: [weights[1].new_network(3) for _ in range(40)]) for _ in range(2)]
        parallel = pool.submit(heads).result()
        for job in background:
            job.result()
    assert all(torch.equal(a, b) for a, b in zip(sequential, parallel, strict=True))


SCRIPT = """
import sys
from pathlib import Path
import torch
from glassbox.families.shared.cross_fit import limit_threads
from glassbox.families.vision.networks import load_backbone
from test_vision import MODELS, model
torch.set_num_threads(1)
backbones = [load_backbone(Path(folder)) for folder in sys.argv[2:]]
with limit_threads(1):
    for name, best in MODELS.items():
        model(best, backbones).save(Path(sys.argv[1]) / name)
"""


def test_another_process_and_hash_seed_write_the_same_bytes(trained: Trained, weights: list[Backbone], tmp_path: Path) -> None:
    here = Path(__file__).parent
    env = {**os.environ, "PYTHONHASHSEED": "7", "PYTHONPATH": f"{here}:{here.parent}:{here.parents[1] / 'src'}"}
    folders = [str(backbone.file.parent) for backbone in weights]
    subprocess.run([sys.executable, "-c", SCRIPT, str(tmp_path / "other"), *folders], check=True, env=env)
    for name in MODELS:
        assert hash_tree(tmp_path / "other" / name) == saved_hash(trained(name), tmp_path / "here" / name), name


# ------------------------------------------------------------------------------------------------- as a network, as ONNX


@every_model
def test_module_predicts_as_the_model(name: str, trained: Trained, weights: list[Backbone]) -> None:
    images = pictures(weights).images
    module = trained(name).model.module(weights, 32).eval().cpu()
    x = torch.from_numpy(images.pixels).permute(0, 3, 1, 2).float() / 255
    with torch.inference_mode():
        proba = module(x).numpy()
    assert np.abs(proba - trained(name).model.proba(images.view_all())).max() < 1e-5


@every_model
def test_onnx_graph_predicts_as_the_model(name: str, trained: Trained, weights: list[Backbone], tmp_path: Path) -> None:
    images = pictures(weights).images
    first, second = (export(trained(name), images.pixels[:6]) for _ in range(2))
    assert first.content == second.content
    assert (first.images, first.side) == (6, 32)
    assert first.max_difference < 1e-4
    write_graph(first, tmp_path)
    session = onnxruntime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    x = (images.pixels.transpose(0, 3, 1, 2) / 255).astype(np.float32)
    proba = session.run(["probabilities"], {"picture": x})[0]
    assert np.abs(proba - trained(name).model.proba(images.view_all())).max() < 1e-4
    for word in (b"site-packages", b"glassbox", os.sep.join(Path(__file__).parts[1:3]).encode(), str(tmp_path).encode(), b".py"):
        assert word not in first.content, word


def test_onnx_graph_that_differs_from_the_model_raises(
    trained: Trained, weights: list[Backbone], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = onnx_export._serialise(trained("last block").model.module(weights, 32).eval(), 32, ["probabilities"], batched=True)
    monkeypatch.setattr(onnx_export, "_serialise", lambda *args: other)
    with pytest.raises(GlassboxError, match="differ from those of the model"):
        export(trained("small network"), pictures(weights).images.pixels[:2])


# --------------------------------------------------------------------------------------------------------------- weights


class Code:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("ran",)


def test_weights_with_executable_pickles_raise_and_do_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.pth").write_bytes(pickle.dumps({"weight": Code()}))
    torch.save({"weight": Code()}, tmp_path / "new.pth")
    for name in ("old.pth", "new.pth"):
        with pytest.raises(GlassboxError, match=f"{name}: holds no weights that can be read safely"):
            read_tensors(tmp_path / name)
    assert not (tmp_path / "ran").exists()
    torch.load(tmp_path / "new.pth", weights_only=False)  # it would have run
    assert (tmp_path / "ran").exists()


@pytest.mark.parametrize("name", ["a.pth", "a.safetensors"])
@pytest.mark.parametrize("content", [b"", b"\x00" * 7, b"no weights", b"PK\x03\x04 cut off", b"\xff" * 200, b"\x80\x02}q\x00."])
def test_file_without_weights_raises(name: str, content: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(GlassboxError, match=rf"^{name}: holds no|lacks"):
        Backbone(tmp_path / name, "squeezenet1_1").new_network(2)


def test_truncated_weights_raise(weights: list[Backbone], tmp_path: Path) -> None:
    weights[0].save(tmp_path / "whole")
    for path in (weights[0].file, tmp_path / "whole/weights.safetensors"):
        cut = tmp_path / path.name
        cut.write_bytes(path.read_bytes()[:-1000])
        with pytest.raises(GlassboxError, match="holds no weights that can be read safely"):
            read_tensors(cut)


def test_weights_that_do_not_fit_raise(weights: list[Backbone], tmp_path: Path) -> None:
    with pytest.raises(GlassboxError, match=r"lacks \d+ of the tensors of MobileNetV2, such as features\.0\.0\.weight"):
        Backbone(weights[0].file, "mobilenet_v2").new_network(2)
    with pytest.raises(GlassboxError, match="'squeezenet9' is not a torchvision network"):
        build_architecture("squeezenet9")
    for name in ("vit_b_16", "swin_t"):
        with pytest.raises(GlassboxError, match="is not supported"):
            build_architecture(name)
    with pytest.raises(GlassboxError, match=r"holds 0 files of weights .*; expected one"):
        load_backbone(tmp_path)
    (tmp_path / "2024 best.pth").write_bytes(b"x")
    with pytest.raises(GlassboxError, match="does not state an architecture"):
        load_backbone(tmp_path)


def test_backbone_is_the_same_in_both_file_formats(weights: list[Backbone], tmp_path: Path) -> None:
    weights[0].save(tmp_path)
    reloaded = load_backbone(tmp_path)
    assert (weights[0].name, reloaded.name) == ("squeezenet1_1", "squeezenet1_1")
    assert weights[0].file.name == BACKBONE
    pixels = pictures(weights).images.pixels[0]
    assert np.array_equal(networks.embed(reloaded.net, pixels), networks.embed(weights[0].net, pixels))
    assert reloaded.digest == weights[0].digest  # so its cached embeddings remain valid
    assert reloaded.digest != weights[1].digest


@pytest.mark.parametrize("kind", ["embeddings", "fine_tuned"])
def test_missing_backbone_raises(kind: str) -> None:
    data = pictures([])
    with pytest.raises(GlassboxError, match=r"weights\.backbones"):
        KINDS[kind].fit(data.images.view_all(), data.data.y, Fitting({}, 2, 1))


# ----------------------------------------------------------------------------------------------------------- checkpoints


class Killed(Exception):
    pass


@pytest.fixture
def killed_after_an_epoch(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Interrupt trainings after their first checkpoint, until the returned function is called."""
    write = training._write_checkpoint

    def interrupted(*args: Any) -> None:
        write(*args)
        raise Killed

    monkeypatch.setattr(training, "_write_checkpoint", interrupted)
    return lambda: monkeypatch.setattr(training, "_write_checkpoint", write)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Record the number of each optimisation step."""
    taken: list[int] = []
    learning_rate_factor = training.learning_rate_factor

    def recorded(step: int, steps: int) -> float:
        taken.append(step)
        return learning_rate_factor(step, steps)

    monkeypatch.setattr(training, "learning_rate_factor", recorded)
    return taken


@pytest.mark.parametrize("name", ["small network", "head", "last block", "all"])
def test_interrupted_training_resumes_from_its_checkpoint(
    name: str, weights: list[Backbone], tmp_path: Path, killed_after_an_epoch: Callable[[], None], steps: list[int]
) -> None:
    data = pictures(weights)
    kind = KINDS[MODELS[name]["kind"]]

    def fitted(checkpoint: Path | None) -> str:
        folder = tmp_path / f"model{len(list(tmp_path.iterdir()))}"
        kind.fit(data.images.view_all(), data.data.y, Fitting(MODELS[name]["params"], 2, 1, checkpoint=checkpoint)).save(folder)
        return hash_tree(folder)

    with pytest.raises(Killed):
        fitted(tmp_path / "checkpoint")
    assert steps == [0, 1, 2]  # 48 pictures, 16 at a time
    killed_after_an_epoch()
    steps.clear()
    resumed = fitted(tmp_path / "checkpoint")
    assert steps == [3, 4, 5, 6, 7, 8]
    steps.clear()
    assert fitted(None) == resumed
    assert len(steps) == 9
    (tmp_path / "checkpoint").write_bytes((tmp_path / "checkpoint").read_bytes()[:-10])
    steps.clear()
    assert fitted(tmp_path / "checkpoint") == resumed
    assert len(steps) == 9  # a truncated checkpoint is ignored


def test_checkpoints_are_removed_after_the_fit(
    weights: list[Backbone], tmp_path: Path, killed_after_an_epoch: Callable[[], None], steps: list[int]
) -> None:
    data = pictures(weights, store=tmp_path)
    members = [{"weight": 1.0, "kind": "small_network", "params": {**SMALL, "shift": shift}} for shift in (1, 2)]
    candidate, resources = Candidate(name="ensemble", kind="ensemble", params={"members": members}), Resources(seed=3)
    with pytest.raises(Killed):
        fit_fold(data, candidate, 0, resources)
    assert len(list((tmp_path / "training").iterdir())) == 1
    killed_after_an_epoch()
    steps.clear()
    resumed = fit_fold(data, candidate, 0, resources)["proba"]
    assert len(steps) == 4 + 6  # 24 pictures, 16 at a time: two steps an epoch
    assert list((tmp_path / "training").iterdir()) == []
    assert np.array_equal(resumed, fit_fold(pictures(weights), candidate, 0, resources)["proba"])


def test_checkpoint_of_another_training_is_ignored(weights: list[Backbone], tmp_path: Path, steps: list[int]) -> None:
    data = pictures(weights)

    def fitted(classes: int) -> None:
        fitting = Fitting(SMALL, classes, 1, checkpoint=tmp_path / "checkpoint")
        KINDS["small_network"].fit(data.images.view_all(), data.data.y, fitting)

    fitted(2)
    fitted(3)
    assert len(steps) == 9 + 9


# ------------------------------------------------------------------------------------------------------------ embeddings


def test_embeddings_are_cached_by_content(weights: list[Backbone], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    computed: list[int] = []
    embed = networks.embed
    monkeypatch.setattr(image_collection, "embed", lambda net, pixels: (computed.append(1), embed(net, pixels))[1])
    one, two, three = shapes(3)["picture"]
    recipe = Recipe(column="picture", side=32)

    def of(*cells: str | None, **changes: Any) -> Any:
        computed.clear()
        return ImageCollection(cells, recipe.model_copy(update=changes), weights, tmp_path, workers=2).embeddings(0), len(
            computed
        )

    first, count = of(one, two, one, None)
    assert (first.shape, count) == ((4, 512), 3)
    assert np.array_equal(first[0], first[2])
    second, count = of(two, three)
    assert count == 1
    assert np.array_equal(second[0], first[1])
    assert of(two, side=24)[1] == of(two, framing="pad")[1] == 1  # another framing or size is another image
    cached = sorted(tmp_path.rglob("*.npz"))
    assert cached
    for corrupt in (
        lambda content: b"corrupt",
        lambda content: content[:-20],
        lambda content: content[:300] + b"x" * 40 + content[340:],
    ):
        for path in cached:
            path.write_bytes(corrupt(path.read_bytes()))
        again, count = of(one, two, one, None)
        assert count == 3
        assert np.array_equal(again, first)
    other = ImageCollection([one], recipe, weights, tmp_path).embeddings(1)
    assert not np.array_equal(other[0], first[0])


def test_embedding_is_the_mean_over_an_image_and_its_mirror_image(weights: list[Backbone]) -> None:
    pixels = pictures(weights).images.pixels[0]
    embedding = networks.embed(weights[0].net, pixels)
    assert networks.embed(weights[0].net, pixels[:, ::-1]) == pytest.approx(embedding, abs=1e-5)
    x = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
    x = (x - torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)) / torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
    _, _, whole = build_architecture("squeezenet1_1")
    whole.load_state_dict(read_tensors(weights[0].file))
    with torch.inference_mode():
        expected = [whole.eval().features(picture)[0].mean(dim=(1, 2)) for picture in (x, x.flip(3))]  # type: ignore[operator]
    assert embedding == pytest.approx(((expected[0] + expected[1]) / 2).numpy(), abs=1e-5)


def test_predictor_caches_embeddings_only_with_a_store(trained: Trained, tmp_path: Path) -> None:
    replace(trained("embeddings"), store=tmp_path).predict(shapes(3))
    assert len(list(tmp_path.rglob("*.npz"))) > 0
    assert trained("embeddings").store is None
