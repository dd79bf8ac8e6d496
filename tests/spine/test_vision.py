"""A request of pictures, end to end, by the real command with the real notebooks, and what is said of bad input."""

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
from glassbox.serving.process import running
from spine_project import Project, new_project
from toy_pictures import COLOURS, draw, shapes


def test_every_stage_ran_and_the_audit_is_clean(seen: Project) -> None:
    report = seen.clean_report()
    assert [row["name"] for row in report["requirements"]] == ["accuracy", "latency"]
    assert [row["candidate"] for row in report["leaderboard"]] == ["embeddings of squeezenet1_1, linear", "majority"]


def test_the_same_bytes_with_one_worker_and_another_hash_seed(seen: Project) -> None:
    seen.gives_the_same_bytes()


def test_anyone_can_recompute_the_metrics(seen: Project) -> None:
    found = pd.read_parquet(seen.root / "data/shapes/evaluate/predictions.parquet")
    metrics = read_json(seen.root / "reports/shapes/report.json")["metrics"]
    hit, p = found["y_true"] == "square", found["proba_square"]
    assert metrics["accuracy"]["value"] == pytest.approx(accuracy_score(found["y_true"], found["y_pred"]))
    assert metrics["roc_auc"]["value"] == pytest.approx(roc_auc_score(hit, p))
    assert metrics["log_loss"]["value"] == pytest.approx(log_loss(hit, p))
    split = pd.read_parquet(seen.root / "data/shapes/ingest/split.parquet")
    assert set(found["row_id"]) == set(split.loc[split["part"] == "holdout", "row_id"])


def test_pictures_that_are_alike_stand_on_one_side_or_are_told_and_in_one_fold(seen: Project) -> None:
    split = pd.read_parquet(seen.root / "data/shapes/ingest/split.parquet")
    folds = pd.read_parquet(seen.root / "data/shapes/features/folds.parquet")
    assert split["content"].duplicated().sum() == 14
    assert split.merge(folds, on="row_id").groupby("content")["fold"].nunique().max() == 1
    findings = {one["name"]: one["finding"] for one in read_json(seen.root / "data/shapes/explore/findings.json")}
    twice = split[split["part"] == "train"].groupby("content").size()
    assert f"in {int((twice > 1).sum())} groups; the labels agree in every group" in findings["near_duplicates"]["say"]


def test_what_a_folder_says_is_no_path_of_this_machine_on_any_page(seen: Project) -> None:
    for path in sorted((seen.root / "reports/shapes").glob("*.html")):
        assert str(seen.root) not in path.read_text(encoding="utf-8"), path.name
    assert str(seen.root).encode() not in (seen.root / "data/shapes/evaluate/model/model.onnx").read_bytes()


def test_a_picture_in_a_label_with_probabilities_out(seen: Project) -> None:
    disc, square = (png_of(draw(name, np.random.default_rng(77))) for name in ("disc", "square"))
    based = [base64.b64encode(content).decode() for content in (disc, square)]
    with running(seen.root / "data/shapes/deploy") as url, httpx.Client(base_url=url, trust_env=False, timeout=60) as client:

        def ask(body: object) -> httpx.Response:
            return client.post("/predict", json=body)

        def send(content: bytes, kind: str = "image/png") -> httpx.Response:
            return client.post("/predict", content=content, headers={"content-type": kind})

        [one] = send(disc).json()["predictions"]
        assert one["y_pred"] == "disc"
        assert one["proba_disc"] + one["proba_square"] == pytest.approx(1.0)
        assert [answer["class"] for answer in one["top"]] == ["disc", "square"]
        assert one["top"][0]["probability"] == one["proba_disc"]
        assert send(disc, "application/octet-stream").json() == send(disc).json()
        assert ask({"picture": based[0]}).json()["predictions"] == [one]
        assert ask({"picture": f"data:image/png;base64,{based[0]}"}).json()["predictions"] == [one]
        several = ask({"pictures": based[::-1]}).json()["predictions"]
        assert several[1] == one
        assert several[0]["y_pred"] == "square"
        assert ask({"picture": None}).json()["warnings"][0]["expected"].startswith("never missing")
        assert ask({"pictures": []}).status_code == 422
        assert ask({"pictures": [1]}).status_code == 422
        assert ask({"picture": "a cat!"}).status_code == 422
        assert "perhaps picture" in str(ask({"picture": based[0], "pitcure": 1}).json()["problems"])
        assert "cut off" in send(disc[:-50]).json()["detail"]
        assert send(b"no picture").status_code == 422
        assert send(b"").status_code == 400
        assert send(disc, "text/plain").status_code == 415
        assert send(b"\x89PNG" + b" " * 17_000_000).status_code == 413
        schema = client.get("/schema").json()
        assert schema["prediction"] == {"y_pred": "text", "proba_disc": "number", "proba_square": "number", "top": "list"}
        assert ask(schema["example"]).status_code == 200


def test_the_package_holds_the_graph_and_one_backbone_without_pickle(seen: Project) -> None:
    model = seen.root / "data/shapes/deploy/model"
    assert (model / "model.onnx").stat().st_size > 1_000_000
    assert (model / "backbones/0/weights.safetensors").is_file()
    assert [path.name for path in model.rglob("*") if path.suffix in (".pth", ".pt", ".pkl")] == []
    pinned = (seen.root / "data/shapes/deploy/requirements.txt").read_text(encoding="utf-8")
    assert "\npillow==" in pinned
    assert "imagehash==" not in pinned


def test_monitoring_watches_light_and_where_pictures_lie(seen: Project) -> None:
    profile = read_json(seen.root / "data/shapes/monitor/profile.json")
    named = [column["name"] for column in profile["columns"]]
    assert named[2:7] == ["brightness", "contrast", "colourfulness", "sharpness", "distance from the centre"]
    shown = {one["name"]: one["finding"] for one in read_json(seen.root / "data/shapes/monitor/findings.json")}
    rows = {row[0]: row[2] for row in shown["planted"]["rows"]}
    assert rows["nothing"] == "go on"
    assert rows["brightness a hundred times too large"] == "look"
    assert rows["outcomes no longer follow the fields"] == "retrain"


# ------------------------------------------------------------------------------------------------------------- bad input


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return new_project(tmp_path_factory.mktemp("bad") / "project", "shapes")


def of_class(name: str, count: int) -> dict[str, bytes]:
    return {f"{name}/{i}.png": png_of(draw(name, np.random.default_rng([i, *name.encode()]))) for i in range(count)}


SOUND = {**of_class("disc", 15), **of_class("square", 15)}


def refused(project: Project, files: Mapping[str, bytes], *, until: str = "ingest", code: int = 2, **changes: object) -> str:
    """What the command says of a request for these files, in one line."""
    shutil.rmtree(project.root / "odd", ignore_errors=True)
    for name, content in files.items():
        path = project.root / "odd" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    asked: dict[str, object] = {
        "name": "odd",
        "task": "computer_vision",
        "folds": 2,
        "data": {"path": "odd/**", "target": "folder"},
    }
    (project.root / "params/odd.json").write_text(json.dumps(asked | changes), encoding="utf-8")
    done = project.command("run", "odd", "--no-track", "--until", until)
    said = " ".join((done.stdout + done.stderr).split())
    assert "Traceback" not in said
    assert done.returncode == code, said
    return said


def test_keys_of_other_answers_are_told_apart(project: Project) -> None:
    said = refused(project, SOUND, weights={"detector": "catalog:x", "encoder": "catalog:x"}, requirements={"map_50": ">0.5"})
    assert "weights.detector means nothing when task is 'computer_vision'; another answer reads it" in said
    assert "weights.encoder means nothing when task is 'computer_vision'; 'nlp' reads it" in said
    assert "map_50" in said
    said = refused(project, SOUND, answer="boxes", data={"path": "odd/**", "target": "boxes", "positive": "disc"})
    assert "data.positive means nothing when task is 'computer_vision' and answer is 'boxes'" in said
    assert "expected 'classes' or 'boxes' when task is 'computer_vision'" in refused(project, SOUND, answer="spans")


def test_no_picture_at_all(project: Project) -> None:
    assert "there is no picture in what arrived" in refused(project, {"a/notes.txt": b"hello", "b/more.txt": b"world"})
    assert "no file matches" in refused(project, {})
    table = pd.DataFrame({"a": range(40), "folder": ["x", "y"] * 20}).to_csv(index=False).encode()
    assert "no picture" in refused(project, {"a.csv": table})


def test_files_that_are_no_pictures_are_counted_and_named(project: Project) -> None:
    said = refused(project, {**SOUND, "disc/a.png": b"no picture", "disc/b.jpg": SOUND["disc/0.png"][:-40]})
    assert "2 of 32 rows cannot be read" in said
    assert "disc/a.png" in said
    assert "cut off or broken" in said


def test_one_class_is_none(project: Project) -> None:
    assert "'folder' is 'disc' in all 30 rows that have one" in refused(project, of_class("disc", 30))


def test_two_columns_of_pictures(project: Project) -> None:
    rows = shapes(40)
    table = pd.DataFrame({"front": [content_of(cell) for cell in rows["picture"]], "shape": rows["shape"]})
    table["back"] = table["front"].tolist()[::-1]
    table.to_parquet(project.root / "two.parquet")
    said = refused(project, SOUND, data={"path": "two.parquet", "target": "shape"})
    assert "'front', 'back' all hold pictures; name the one to use" in said


def test_weights_that_are_not_there_or_are_none(project: Project) -> None:
    said = refused(project, SOUND, until="explore", weights={"backbones": "data/raw/nowhere"})
    assert "there is no folder 'data/raw/nowhere'" in said
    said = refused(project, SOUND, until="explore", weights={"backbones": ["torchvision:mobilnet_v2"]})
    assert "torchvision has no network 'mobilnet_v2'; nearest: mobilenet_v2" in said
    (project.root / "spoiled").mkdir()
    (project.root / "spoiled/squeezenet1_1-0123abcd.pth").write_bytes(b"no weights")
    said = refused(project, SOUND, until="explore", weights={"backbones": "spoiled"})
    assert "squeezenet1_1-0123abcd.pth: holds no weights that can be read safely" in said


def test_the_official_part_of_folders_is_the_holdout(tmp_path: Path) -> None:
    from glassbox.data.ingest import read
    from glassbox.request.model import Data, Request, Split

    for part, count in (("train", 20), ("test", 10)):
        for name in list(COLOURS)[:2]:
            for place, content in of_class(name, count).items():
                path = tmp_path / "set" / part / f"{place.split('/')[0]}/{part}{place.split('/')[1]}"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
    asked = Request(
        name="a",
        task="computer_vision",
        data=Data(path="set/**", target="folder"),
        split=Split(by="column", column="part"),
        folds=2,
    )
    arrival, _ = read(asked, tmp_path)
    assert arrival.cells["part"].value_counts().to_dict() == {"train": 40, "test": 20}
