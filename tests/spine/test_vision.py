"""End-to-end tests of an image classification request, with the real command and notebooks, and of invalid input."""

import base64
import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, log_loss, roc_auc_score

from glassbox.data.images.cells import content_of, png_of
from glassbox.files import read_json
from glassbox.serving.process import running_service
from spine_project import Project, new_project
from toy_pictures import COLOURS, draw, shapes


def test_every_stage_ran_and_the_audit_is_clean(classified: Project) -> None:
    report = classified.clean_report()
    assert [row["name"] for row in report["requirements"]] == ["accuracy", "latency"]
    assert [row["candidate"] for row in report["leaderboard"]] == ["embeddings of squeezenet1_1, linear", "majority"]


def test_the_metrics_can_be_recomputed_from_the_predictions(classified: Project) -> None:
    predictions = pd.read_parquet(classified.root / "data/shapes/evaluate/predictions.parquet")
    metrics = read_json(classified.root / "reports/shapes/report.json")["metrics"]
    hit, p = predictions["y_true"] == "square", predictions["proba_square"]
    assert metrics["accuracy"]["value"] == pytest.approx(accuracy_score(predictions["y_true"], predictions["y_pred"]))
    assert metrics["roc_auc"]["value"] == pytest.approx(roc_auc_score(hit, p))
    assert metrics["log_loss"]["value"] == pytest.approx(log_loss(hit, p))
    split = pd.read_parquet(classified.root / "data/shapes/ingest/split.parquet")
    assert set(predictions["row_id"]) == set(split.loc[split["part"] == "holdout", "row_id"])


def test_near_duplicate_pictures_are_reported_and_in_the_same_fold(classified: Project) -> None:
    split = pd.read_parquet(classified.root / "data/shapes/ingest/split.parquet")
    folds = pd.read_parquet(classified.root / "data/shapes/features/folds.parquet")
    assert split["content"].duplicated().sum() == 14
    assert split.merge(folds, on="row_id").groupby("content")["fold"].nunique().max() == 1
    findings = {item["name"]: item["finding"] for item in read_json(classified.root / "data/shapes/explore/findings.json")}
    twice = split[split["part"] == "train"].groupby("content").size()
    assert f"in {int((twice > 1).sum())} groups; the labels agree in every group" in findings["near_duplicates"]["say"]


def test_pages_and_model_contain_no_local_paths(classified: Project) -> None:
    for path in sorted((classified.root / "reports/shapes").glob("*.html")):
        assert str(classified.root) not in path.read_text(encoding="utf-8"), path.name
    assert str(classified.root).encode() not in (classified.root / "data/shapes/evaluate/served/model.onnx").read_bytes()


def test_the_service_predicts_the_class_of_a_picture(classified: Project) -> None:
    with (
        running_service(classified.root / "data/shapes/deploy") as url,
        httpx.Client(base_url=url, trust_env=False, timeout=60) as client,
    ):

        def post_json(body: object) -> httpx.Response:
            return client.post("/predict", json=body)

        def post_bytes(content: bytes, kind: str = "image/png") -> httpx.Response:
            return client.post("/predict", content=content, headers={"content-type": kind})

        def recognised(name: str) -> bytes:
            """Return the first picture of a class that the model, which errs on one in five, recognises."""
            pictures = [png_of(draw(name, np.random.default_rng(seed))) for seed in range(77, 87)]
            right = [picture for picture in pictures if post_bytes(picture).json()["predictions"][0]["y_pred"] == name]
            assert len(right) >= 5
            return right[0]

        disc, square = recognised("disc"), recognised("square")
        encoded = [base64.b64encode(content).decode() for content in (disc, square)]
        [prediction] = post_bytes(disc).json()["predictions"]
        assert prediction["proba_disc"] + prediction["proba_square"] == pytest.approx(1.0)
        assert [row["class"] for row in prediction["top"]] == ["disc", "square"]
        assert prediction["top"][0]["probability"] == prediction["proba_disc"]
        assert post_bytes(disc, "application/octet-stream").json() == post_bytes(disc).json()
        assert post_json({"picture": encoded[0]}).json()["predictions"] == [prediction]
        assert post_json({"picture": f"data:image/png;base64,{encoded[0]}"}).json()["predictions"] == [prediction]
        several = post_json({"pictures": encoded[::-1]}).json()["predictions"]
        assert several[1] == prediction
        assert several[0]["y_pred"] == "square"
        assert post_json({"picture": None}).json()["warnings"][0]["expected"].startswith("never missing")
        assert post_json({"pictures": []}).status_code == 422
        assert post_json({"pictures": [1]}).status_code == 422
        assert post_json({"picture": "a cat!"}).status_code == 422
        assert "perhaps picture" in str(post_json({"picture": encoded[0], "pitcure": 1}).json()["problems"])
        assert "cut off" in post_bytes(disc[:-50]).json()["detail"]
        assert post_bytes(b"no picture").status_code == 422
        assert post_bytes(b"").status_code == 400
        assert post_bytes(disc, "text/plain").status_code == 415
        assert post_bytes(b"\x89PNG" + b" " * 17_000_000).status_code == 413
        schema = client.get("/schema").json()
        assert schema["prediction"] == {"y_pred": "text", "proba_disc": "number", "proba_square": "number", "top": "list"}
        assert post_json(schema["example"]).status_code == 200


def test_the_package_contains_the_onnx_graph_and_one_backbone_without_pickle(classified: Project) -> None:
    model = classified.root / "data/shapes/deploy/model"
    assert (model / "model.onnx").stat().st_size > 1_000_000
    assert (model / "backbones/0/weights.safetensors").is_file()
    assert [path.name for path in model.rglob("*") if path.suffix in (".pth", ".pt", ".pkl")] == []
    pinned = (classified.root / "data/shapes/deploy/requirements.txt").read_text(encoding="utf-8")
    assert "\npillow==" in pinned
    assert "imagehash==" not in pinned


def test_monitoring_profiles_image_statistics_and_the_embedding_distance(classified: Project) -> None:
    profile = read_json(classified.root / "data/shapes/monitor/profile.json")
    named = [column["name"] for column in profile["columns"]]
    assert named[2:7] == ["brightness", "contrast", "colourfulness", "sharpness", "distance from the centre"]
    shown = {item["name"]: item["finding"] for item in read_json(classified.root / "data/shapes/monitor/findings.json")}
    rows = {row[0]: row[2] for row in shown["injected_drift"]["rows"]}
    assert rows["no change"] == "no action"
    assert rows["brightness multiplied by 100"] == "review"
    assert rows["shuffled labels"] == "retrain"


# ------------------------------------------------------------------------------------------------------------- bad input


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return new_project(tmp_path_factory.mktemp("bad") / "project", "shapes")


def of_class(name: str, count: int) -> dict[str, bytes]:
    return {f"{name}/{i}.png": png_of(draw(name, np.random.default_rng([i, *name.encode()]))) for i in range(count)}


SOUND = {**of_class("disc", 15), **of_class("square", 15)}


def rejection_message(
    project: Project, files: Mapping[str, bytes], *, until: str = "ingest", code: int = 2, **changes: object
) -> str:
    """Run a request on these files and return the output in one line."""
    shutil.rmtree(project.root / "odd", ignore_errors=True)
    for name, content in files.items():
        path = project.root / "odd" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    settings: dict[str, object] = {
        "name": "odd",
        "task": "computer_vision",
        "folds": 2,
        "data": {"path": "odd/**", "target": "folder"},
    }
    (project.root / "params/odd.json").write_text(json.dumps(settings | changes), encoding="utf-8")
    process = project.command("run", "odd", "--no-track", "--until", until)
    message = " ".join((process.stdout + process.stderr).split())
    assert "Traceback" not in message
    assert process.returncode == code, message
    return message


def test_keys_of_other_answer_types_are_rejected(project: Project) -> None:
    message = rejection_message(
        project, SOUND, weights={"detector": "catalog:x", "encoder": "catalog:x"}, requirements={"map_50": ">0.5"}
    )
    assert "weights.detector is not used when task is 'computer_vision'; it applies only to another answer" in message
    assert "weights.encoder is not used when task is 'computer_vision'; it applies only to 'nlp'" in message
    assert "map_50" in message
    message = rejection_message(project, SOUND, answer="boxes", data={"path": "odd/**", "target": "boxes", "positive": "disc"})
    assert "data.positive is not used when task is 'computer_vision' and answer is 'boxes'" in message
    assert "expected 'classes' or 'boxes' when task is 'computer_vision'" in rejection_message(project, SOUND, answer="spans")


def test_data_without_pictures_are_rejected(project: Project) -> None:
    assert "there is no picture in the data" in rejection_message(project, {"a/notes.txt": b"hello", "b/more.txt": b"world"})
    assert "no file matches" in rejection_message(project, {})
    table = pd.DataFrame({"a": range(40), "folder": ["x", "y"] * 20}).to_csv(index=False).encode()
    assert "no picture" in rejection_message(project, {"a.csv": table})


def test_invalid_pictures_are_counted_and_named(project: Project) -> None:
    message = rejection_message(project, {**SOUND, "disc/a.png": b"no picture", "disc/b.jpg": SOUND["disc/0.png"][:-40]})
    assert "2 of 32 rows cannot be read" in message
    assert "disc/a.png" in message
    assert "cut off or broken" in message


def test_a_single_class_is_rejected(project: Project) -> None:
    assert "'folder' is 'disc' in all 30 rows that have one" in rejection_message(project, of_class("disc", 30))


def test_two_picture_columns_are_rejected(project: Project) -> None:
    rows = shapes(40)
    table = pd.DataFrame({"front": [content_of(cell) for cell in rows["picture"]], "shape": rows["shape"]})
    table["back"] = table["front"].tolist()[::-1]
    table.to_parquet(project.root / "two.parquet")
    message = rejection_message(project, SOUND, data={"path": "two.parquet", "target": "shape"})
    assert "'front', 'back' all hold pictures; name the one to use" in message


def test_missing_or_invalid_weights_are_reported(project: Project) -> None:
    message = rejection_message(project, SOUND, until="explore", weights={"backbones": "data/raw/nowhere"})
    assert "there is no folder 'data/raw/nowhere'" in message
    message = rejection_message(project, SOUND, until="explore", weights={"backbones": ["torchvision:mobilnet_v2"]})
    assert "torchvision has no network 'mobilnet_v2'; nearest: mobilenet_v2" in message
    (project.root / "spoiled").mkdir()
    (project.root / "spoiled/squeezenet1_1-0123abcd.pth").write_bytes(b"no weights")
    message = rejection_message(project, SOUND, until="explore", weights={"backbones": "spoiled"})
    assert "squeezenet1_1-0123abcd.pth: holds no weights that can be read safely" in message


def test_the_official_part_of_folders_is_the_holdout(tmp_path: Path) -> None:
    from glassbox.data.ingest import read
    from glassbox.request.model import Data, Request, Split

    for part, count in (("train", 20), ("test", 10)):
        for name in list(COLOURS)[:2]:
            for place, content in of_class(name, count).items():
                path = tmp_path / "set" / part / f"{place.split('/')[0]}/{part}{place.split('/')[1]}"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
    settings = Request(
        name="a",
        task="computer_vision",
        data=Data(path="set/**", target="folder"),
        split=Split(by="column", column="part"),
        folds=2,
    )
    arrival, _ = read(settings, tmp_path)
    assert arrival.cells["part"].value_counts().to_dict() == {"train": 40, "test": 20}
