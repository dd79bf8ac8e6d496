"""Contract tests for every text model and entity recogniser: reproducible bytes, and the same predictions after loading."""

import os
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from glassbox.data.formats.signatures import unsupported_format
from glassbox.data.schema import Schema, infer_schema
from glassbox.families.classification.calibration.apply import Calibration
from glassbox.families.classification.dataset import labelled_rows
from glassbox.families.entities.dataset import EntityDataset, dataset_of
from glassbox.families.entities.refit import refit as refit_recogniser
from glassbox.families.predictor_protocol import Predictor, load_predictor
from glassbox.families.text.corpus import Corpus
from glassbox.families.text.dataset import TextDataset
from glassbox.families.text.encoder import CachedEncoder, Encoder
from glassbox.families.text.recipe import default_recipe
from glassbox.families.text.refit import refit
from glassbox.files import files_below, hash_tree
from glassbox.request.model import Data, Request
from glassbox.runtime.resources import Resources
from toy_encoder import toy_encoder
from toy_news import sentences
from toy_texts import messages

LINEAR = {"kind": "words", "params": {"head": "logistic", "C": 1.0}}
WORDS = [
    {"kind": "majority", "params": {}},
    LINEAR,
    {"kind": "words", "params": {"head": "svm", "C": 0.5, "ngrams": [1, 1]}},
    {"kind": "characters", "params": {"head": "logistic", "C": 5.0, "ngrams": [2, 3]}},
    {"kind": "naive_bayes_linear", "params": {"C": 0.1, "ngrams": [1, 2], "beta": 0.5}},
    {"kind": "naive_bayes_linear", "params": {"C": 30.0, "ngrams": [1, 2], "tf_idf": True}},
    {"kind": "embeddings", "params": {"C": 10.0}},
    {"kind": "embeddings", "params": {"C": 0.1, "layers": True}},
    {"kind": "transformer", "params": {"epochs": 1, "most_tokens": 16, "batch": 32}},
    {
        "kind": "ensemble",
        "params": {
            "members": [{"name": "a", "weight": 0.7, **LINEAR}, {"name": "b", "weight": 0.4, "kind": "embeddings", "params": {}}]
        },
    },
]
SPANS = [
    {"kind": "gazetteer", "params": {}},
    {"kind": "recogniser", "params": {"epochs": 2, "start": "nothing"}},
    {"kind": "token_head", "params": {"epochs": 4}},
    {"kind": "tagger", "params": {"epochs": 1}},
]
every_model = pytest.mark.parametrize(
    "best",
    WORDS,
    ids=lambda best: best["kind"] + "".join(str(best["params"].get(key, "")) for key in ("head", "layers", "tf_idf")),
)
every_recogniser = pytest.mark.parametrize("best", SPANS, ids=lambda best: best["kind"])


def rows(count: int = 160, classes: int = 2) -> pd.DataFrame:
    data = messages(count).assign(row_id=[f"r{i:04d}" for i in range(count)])
    if classes == 3:
        data.loc[::3, "about"] = "other"
        data.loc[::3, "text"] = "a question about the size of parcels"
    return data[["row_id", "text", "about"]]


def text_schema(frame: pd.DataFrame) -> Schema:
    return infer_schema(frame, Request(name="a", task="nlp", data=Data(path="x", target="about", features=["text"])))


def model(best: dict, folder: Path, frame: pd.DataFrame | None = None) -> Predictor:  # type: ignore[type-arg]
    frame = rows() if frame is None else frame
    schema = text_schema(frame)
    recipe = default_recipe(schema, None, most_tokens=16)
    labelled = labelled_rows(frame, "about", schema.classes or [], None)
    encoder = Encoder(toy_encoder(folder), 16)
    corpus = Corpus(recipe.texts(labelled.frame), encode=CachedEncoder(encoder, None))
    settings = {**best, "recipe": recipe.model_dump()}
    return refit(settings, TextDataset(labelled, corpus, encoder), schema, Calibration(), 0.5, Resources(seed=1))


def news(count: int = 80) -> pd.DataFrame:
    rows = sentences(count, 3)
    from glassbox.families.entities.spans import Span, write_spans

    return pd.DataFrame(
        {
            "row_id": [f"r{i:04d}" for i in range(count)],
            "text": [text for text, _ in rows],
            "entities": [write_spans([Span(int(a), int(b), str(kind)) for a, b, kind in spans]) for _, spans in rows],
        }
    )


def recogniser(best: dict, folder: Path) -> Predictor:  # type: ignore[type-arg]
    frame = news()
    request = Request(name="a", task="nlp", answer="spans", data=Data(path="x", target="entities", features=["text"]))
    dataset: EntityDataset = dataset_of(frame, "entities", "text", encoder=toy_encoder(folder))
    settings = {**best, "recipe": {"column": "text"}}
    return refit_recogniser(settings, dataset, infer_schema(frame, request), Resources(seed=1))


@every_model
def test_a_loaded_model_gives_the_same_predictions_and_bytes(best: dict, tmp_path: Path) -> None:  # type: ignore[type-arg]
    fitted = model(best, tmp_path / "weights")
    fitted.save(tmp_path / "a")
    loaded = load_predictor(tmp_path / "a")
    frame = rows(40)
    first, second = fitted.predict(frame), loaded.predict(frame)
    assert first["y_pred"].tolist() == second["y_pred"].tolist()
    assert np.allclose(first.drop(columns="y_pred"), second.drop(columns="y_pred"), atol=1e-6)
    loaded.save(tmp_path / "b")
    assert hash_tree(tmp_path / "a") == hash_tree(tmp_path / "b")
    assert isinstance(loaded, Predictor)
    assert [
        name for name, path in files_below(tmp_path / "a") if unsupported_format(path.read_bytes()).startswith("a pickle")
    ] == []


def test_parallel_training_gives_the_same_weights_as_sequential_training(tmp_path: Path) -> None:
    transformer = next(best for best in WORDS if best["kind"] == "transformer")
    tagger = next(best for best in SPANS if best["kind"] == "tagger")
    toy_encoder(tmp_path)
    trainings = [
        lambda: model(transformer, tmp_path),
        lambda: recogniser(tagger, tmp_path),
        lambda: model({**transformer, "params": {**transformer["params"], "epochs": 2}}, tmp_path),
    ]

    def weights(predictors: Sequence[Predictor], name: str) -> list[str]:
        for i, predictor in enumerate(predictors):
            predictor.save(tmp_path / name / str(i))
        return [hash_tree(tmp_path / name / str(i)) for i in range(len(predictors))]

    sequential = weights([training() for training in trainings], "alone")
    with ThreadPoolExecutor(len(trainings)) as pool:
        parallel = weights(list(pool.map(lambda training: training(), trainings)), "together")
    assert parallel == sequential


@every_model
def test_a_prediction_does_not_depend_on_the_other_rows(best: dict, tmp_path: Path) -> None:  # type: ignore[type-arg]
    fitted = model(best, tmp_path)
    frame = rows(20)
    whole, alone = fitted.predict(frame), pd.concat([fitted.predict(frame.iloc[[i]]) for i in range(20)])
    assert np.allclose(whole.drop(columns="y_pred"), alone.drop(columns="y_pred"), atol=1e-6)
    assert whole[["proba_complaint", "proba_praise"]].sum(axis=1).to_numpy() == pytest.approx(np.ones(20))


@every_model
def test_unusual_texts_get_a_prediction(best: dict, tmp_path: Path) -> None:  # type: ignore[type-arg]
    fitted = model(best, tmp_path)
    unusual = ["", None, " \t\n", "\0\x01", "🎈" * 50, "x" * 30_000, "<script>alert(1)</script>", "ة" * 200, "a\ud800b"]
    predicted = fitted.predict(pd.DataFrame({"text": unusual}))
    assert predicted["proba_praise"].between(0, 1).all()
    assert len(fitted.predict(pd.DataFrame({"text": []}))) == 0


@every_model
def test_three_classes_have_probabilities_that_sum_to_one(best: dict, tmp_path: Path) -> None:  # type: ignore[type-arg]
    predicted = model(best, tmp_path, rows(classes=3)).predict(rows(12))
    assert [c for c in predicted if c.startswith("proba_")] == ["proba_complaint", "proba_other", "proba_praise"]
    assert predicted.drop(columns="y_pred").sum(axis=1).to_numpy() == pytest.approx(np.ones(12))


@every_recogniser
def test_a_loaded_recogniser_gives_the_same_predictions_and_bytes(best: dict, tmp_path: Path) -> None:  # type: ignore[type-arg]
    fitted = recogniser(best, tmp_path / "weights")
    fitted.save(tmp_path / "a")
    loaded = load_predictor(tmp_path / "a")
    assert fitted.predict(news(30))["y_pred"].tolist() == loaded.predict(news(30))["y_pred"].tolist()
    loaded.save(tmp_path / "b")
    assert hash_tree(tmp_path / "a") == hash_tree(tmp_path / "b")
    assert [
        name for name, path in files_below(tmp_path / "a") if unsupported_format(path.read_bytes()).startswith("a pickle")
    ] == []


@every_recogniser
def test_spans_lie_within_their_texts_and_do_not_overlap(best: dict, tmp_path: Path) -> None:  # type: ignore[type-arg]
    fitted = recogniser(best, tmp_path)
    texts = [*news(30)["text"], "", " ", "🎈 Anna Berg 🎈", "x" * 30_000, "Paris", "\0"]
    for text, spans in zip(texts, fitted.predict(pd.DataFrame({"text": texts}))["y_pred"], strict=True):
        assert all(text[span["start"] : span["end"]] == span["text"] != "" for span in spans)
        assert all(a["end"] <= b["start"] for a, b in pairwise(spans))


TWICE = """
import sys
from itertools import pairwise
from pathlib import Path
from test_texts import SPANS, WORDS, model, recogniser
for i, best in enumerate(WORDS):
    model(best, Path(sys.argv[1]) / "weights").save(Path(sys.argv[1]) / f"model{i}")
for i, best in enumerate(SPANS):
    recogniser(best, Path(sys.argv[1]) / "weights").save(Path(sys.argv[1]) / f"spans{i}")
"""


def test_other_processes_and_hash_seeds_give_the_same_bytes(tmp_path: Path) -> None:
    here = Path(__file__).parent
    path = f"{here}:{here.parent}:{here.parents[1] / 'src'}"
    for seed in ("1", "2"):
        env = {
            "PYTHONHASHSEED": seed,
            "PYTHONPATH": path,
            "OMP_NUM_THREADS": "1",
            "PATH": os.environ["PATH"],
            "HOME": str(tmp_path),
        }
        subprocess.run([sys.executable, "-c", TWICE, str(tmp_path / seed)], check=True, env=env)
    for i in range(len(WORDS)):
        assert hash_tree(tmp_path / "1" / f"model{i}") == hash_tree(tmp_path / "2" / f"model{i}"), WORDS[i]
    for i in range(len(SPANS)):
        assert hash_tree(tmp_path / "1" / f"spans{i}") == hash_tree(tmp_path / "2" / f"spans{i}"), SPANS[i]


def test_embeddings_are_cached_by_content(tmp_path: Path) -> None:
    encoder = Encoder(toy_encoder(tmp_path / "weights"), 16)
    encoded: list[str] = []

    class Counting(Encoder):
        def encode_one(self, text: str) -> np.ndarray:  # type: ignore[type-arg]
            encoded.append(text)
            return encoder.encode_one(text)

    cached = CachedEncoder(Counting(encoder.folder, 16), tmp_path / "cache")
    first = cached(["one text", "another text", "one text"])
    assert sorted(encoded) == ["another text", "one text"]
    second = cached(["another text", "a third"])
    assert sorted(encoded) == ["a third", "another text", "one text"]
    assert np.array_equal(first[1], second[0])
    assert np.linalg.norm(first, axis=2) == pytest.approx(np.ones(first.shape[:2]), abs=1e-5)
    for path in (tmp_path / "cache").rglob("*.npz"):
        path.write_bytes(b"corrupt")
    assert np.array_equal(cached(["one text"])[0], first[0])


def test_weights_in_a_format_that_can_run_code_are_rejected(tmp_path: Path) -> None:
    from glassbox.errors import GlassboxError

    (tmp_path / "pytorch_model.bin").write_bytes(b"x")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(GlassboxError, match="safetensors"):
        _ = Encoder(tmp_path).model


def test_the_last_layer_equals_the_sentence_embedding_of_the_library(tmp_path: Path) -> None:
    encoder = Encoder(toy_encoder(tmp_path), 16)
    expected = encoder.model.encode(["works well with you"], normalize_embeddings=True)[0]
    assert encoder.encode_one("works well with you")[-1] == pytest.approx(expected, abs=1e-5)
    assert encoder.encode_one("works well with you").shape == (2, 16)


def test_a_long_text_is_truncated_in_the_middle(tmp_path: Path) -> None:
    encoder = Encoder(toy_encoder(tmp_path), 10)  # including two special tokens
    assert encoder.truncate_middle("it is broken does not work") == "it is broken does not work"
    assert (
        encoder.truncate_middle("it is broken does not work still no answer very slow") == "it is broken does no answer very slow"
    )
    assert encoder.truncate_middle("") == ""


def test_no_model_hub_is_contacted(tmp_path: Path) -> None:
    script = """
import os, socket, sys
from pathlib import Path
def refuse(*_, **__):
    raise SystemExit("contacted the network")
socket.socket.connect = refuse
socket.create_connection = refuse
socket.getaddrinfo = refuse
from glassbox.families.text.encoder import Encoder
from toy_encoder import toy_encoder
assert Encoder(toy_encoder(Path(sys.argv[1])), 16).encode_one("works well").shape == (2, 16)
assert os.environ["HF_HUB_OFFLINE"] == os.environ["TRANSFORMERS_OFFLINE"] == "1"
"""
    here = Path(__file__).parents[1]
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "TRANSFORMERS"))}
    env = {**inherited, "PYTHONPATH": f"{here}:{here.parent / 'src'}"}
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "weights")], env=env, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
