"""A request of boxes in pictures, end to end, by the real command with the real notebooks."""

import base64
import io
import json
import re
from contextlib import redirect_stdout

import httpx
import numpy as np
import pandas as pd
import pytest
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from glassbox.data.images.cells import png_of
from glassbox.families.detection.boxes import Box, iou, xywh
from glassbox.files import read_json
from glassbox.serving.process import running
from spine_project import Project
from toy_boxes import COLOURS, scene


def test_every_stage_ran_and_the_audit_is_clean(boxed: Project) -> None:
    report = boxed.clean_report()
    assert [row["name"] for row in report["requirements"]] == ["map_50", "latency"]
    assert [row["candidate"] for row in report["leaderboard"]] == ["detector from nothing", "nothing"]


def test_what_was_compared_is_not_fitted_again_by_tuning(boxed: Project) -> None:
    remembered = list((boxed.root / "data/.store/memo").glob("*/*.json"))
    assert len(remembered) == 4  # two candidates on two folds; the one trial is a candidate as it was compared


def test_the_same_bytes_with_one_worker_and_another_hash_seed(boxed: Project) -> None:
    boxed.gives_the_same_bytes()


def test_pycocotools_finds_the_metrics_in_the_predictions(boxed: Project) -> None:
    found = pd.read_parquet(boxed.root / "data/scenes/evaluate/predictions.parquet")
    number = {name: k for k, name in enumerate(sorted(COLOURS), start=1)}
    truth, answers = [], []
    for at, row in enumerate(found.itertuples(index=False)):
        for x, y, width, height, label in json.loads(row.y_true):
            box = {"image_id": at, "category_id": number[label], "bbox": [x, y, width, height], "area": width * height}
            truth.append({**box, "id": len(truth) + 1, "iscrowd": 0})
        for x, y, width, height, label, score in json.loads(row.y_pred):
            answers.append({"image_id": at, "category_id": number[label], "bbox": [x, y, width, height], "score": score})
    with redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "images": [{"id": at} for at in range(len(found))],
            "annotations": truth,
            "categories": [{"id": k} for k in number.values()],
        }
        coco.createIndex()
        judged = COCOeval(coco, coco.loadRes(answers), "bbox")
        judged.evaluate()
        judged.accumulate()
        judged.summarize()
    metrics = read_json(boxed.root / "reports/scenes/report.json")["metrics"]
    assert metrics["map"]["value"] == pytest.approx(judged.stats[0])
    assert metrics["map_50"]["value"] == pytest.approx(judged.stats[1])
    assert metrics["map_75"]["value"] == pytest.approx(judged.stats[2])
    split = pd.read_parquet(boxed.root / "data/scenes/ingest/split.parquet")
    assert set(found["row_id"]) == set(split.loc[split["part"] == "holdout", "row_id"])


def test_a_picture_in_boxes_out(boxed: Project) -> None:
    rng = np.random.default_rng(77)
    drawn = (scene(rng) for _ in range(50))
    pixels, boxes = next((made, there) for made, there in drawn if sorted(box.label for box in there) == ["disc", "square"])
    content, grey = png_of(pixels), png_of(np.full((90, 64, 3), 128, dtype=np.uint8))
    with running(boxed.root / "data/scenes/deploy") as url, httpx.Client(base_url=url, trust_env=False, timeout=60) as client:

        def send(content: bytes) -> httpx.Response:
            return client.post("/predict", content=content, headers={"content-type": "image/png"})

        [one] = send(content).json()["predictions"]
        found = [Box(**box) for box in one["y_pred"]]
        for box in boxes:
            assert box.label in {other.label for other in found if iou(xywh([box]), xywh([other]))[0, 0] > 0.5}
        assert send(grey).json()["predictions"][0]["y_pred"] == []
        based = base64.b64encode(content).decode()
        assert client.post("/predict", json={"picture": based}).json()["predictions"] == [one]
        assert client.post("/predict", json={"pictures": [based, based]}).json()["predictions"] == [one, one]
        assert "cut off" in send(content[:-50]).json()["detail"]
        assert send(b"no picture").status_code == 422
        schema = client.get("/schema").json()
        assert client.post("/predict", json=schema["example"]).status_code == 200


def test_the_package_holds_the_graph_and_no_pickle(boxed: Project) -> None:
    model = boxed.root / "data/scenes/deploy/model"
    assert (model / "model.onnx").stat().st_size > 100_000
    assert [path.name for path in model.rglob("*") if path.suffix in (".pth", ".pt", ".pkl")] == []


def test_pages_show_pictures_with_their_boxes(boxed: Project) -> None:
    evaluate = (boxed.root / "reports/scenes/evaluate.html").read_text(encoding="utf-8")
    assert re.search(r'src="data:image/', evaluate)
    for path in sorted((boxed.root / "reports/scenes").glob("*.html")):
        assert str(boxed.root) not in path.read_text(encoding="utf-8"), path.name
