"""End-to-end tests of an object detection request, with the real command and notebooks."""

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
from glassbox.serving.process import running_service
from spine_project import Project
from toy_boxes import COLOURS, scene


def test_every_stage_ran_and_the_audit_is_clean(detected: Project) -> None:
    report = detected.clean_report()
    assert [row["name"] for row in report["requirements"]] == ["map_50", "latency"]
    assert [row["candidate"] for row in report["leaderboard"]] == ["detector from scratch", "nothing"]


def test_tuning_reuses_the_fits_of_the_comparison(detected: Project) -> None:
    cached = list((detected.root / "data/.store/cache").glob("*/*.json"))
    assert len(cached) == 4  # two candidates on two folds; the only trial is a candidate of the comparison


def test_the_metrics_equal_those_of_pycocotools(detected: Project) -> None:
    predictions = pd.read_parquet(detected.root / "data/scenes/evaluate/predictions.parquet")
    number = {name: k for k, name in enumerate(sorted(COLOURS), start=1)}
    truth, detections = [], []
    for index, row in enumerate(predictions.itertuples(index=False)):
        for x, y, width, height, label in json.loads(row.y_true):
            box = {"image_id": index, "category_id": number[label], "bbox": [x, y, width, height], "area": width * height}
            truth.append({**box, "id": len(truth) + 1, "iscrowd": 0})
        for x, y, width, height, label, score in json.loads(row.y_pred):
            detections.append({"image_id": index, "category_id": number[label], "bbox": [x, y, width, height], "score": score})
    with redirect_stdout(io.StringIO()):
        coco = COCO()
        coco.dataset = {
            "images": [{"id": index} for index in range(len(predictions))],
            "annotations": truth,
            "categories": [{"id": k} for k in number.values()],
        }
        coco.createIndex()
        coco_eval = COCOeval(coco, coco.loadRes(detections), "bbox")
        coco_eval.evaluate()
        coco_eval.accumulate()
        coco_eval.summarize()
    metrics = read_json(detected.root / "reports/scenes/report.json")["metrics"]
    assert metrics["map"]["value"] == pytest.approx(coco_eval.stats[0])
    assert metrics["map_50"]["value"] == pytest.approx(coco_eval.stats[1])
    assert metrics["map_75"]["value"] == pytest.approx(coco_eval.stats[2])
    split = pd.read_parquet(detected.root / "data/scenes/ingest/split.parquet")
    assert set(predictions["row_id"]) == set(split.loc[split["part"] == "holdout", "row_id"])


def test_the_service_predicts_boxes_of_a_picture(detected: Project) -> None:
    rng = np.random.default_rng(77)
    drawn = (scene(rng) for _ in range(50))
    pixels, boxes = next((made, there) for made, there in drawn if sorted(box.label for box in there) == ["disc", "square"])
    content, grey = png_of(pixels), png_of(np.full((90, 64, 3), 128, dtype=np.uint8))
    with (
        running_service(detected.root / "data/scenes/deploy") as url,
        httpx.Client(base_url=url, trust_env=False, timeout=60) as client,
    ):

        def post_bytes(content: bytes) -> httpx.Response:
            return client.post("/predict", content=content, headers={"content-type": "image/png"})

        [prediction] = post_bytes(content).json()["predictions"]
        predicted = [Box(**box) for box in prediction["y_pred"]]
        for box in boxes:
            assert box.label in {other.label for other in predicted if iou(xywh([box]), xywh([other]))[0, 0] > 0.5}
        assert post_bytes(grey).json()["predictions"][0]["y_pred"] == []
        encoded = base64.b64encode(content).decode()
        assert client.post("/predict", json={"picture": encoded}).json()["predictions"] == [prediction]
        assert client.post("/predict", json={"pictures": [encoded, encoded]}).json()["predictions"] == [prediction, prediction]
        assert "cut off" in post_bytes(content[:-50]).json()["detail"]
        assert post_bytes(b"no picture").status_code == 422
        schema = client.get("/schema").json()
        assert client.post("/predict", json=schema["example"]).status_code == 200


def test_the_package_contains_the_onnx_graph_and_no_pickle(detected: Project) -> None:
    model = detected.root / "data/scenes/deploy/model"
    assert (model / "model.onnx").stat().st_size > 100_000
    assert [path.name for path in model.rglob("*") if path.suffix in (".pth", ".pt", ".pkl")] == []


def test_pages_show_pictures_with_their_boxes(detected: Project) -> None:
    evaluate = (detected.root / "reports/scenes/evaluate.html").read_text(encoding="utf-8")
    assert re.search(r'src="data:image/', evaluate)
    for path in sorted((detected.root / "reports/scenes").glob("*.html")):
        assert str(detected.root) not in path.read_text(encoding="utf-8"), path.name
