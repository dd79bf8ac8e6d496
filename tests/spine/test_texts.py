"""End-to-end tests of text classification and entity recognition, with the real command and notebooks, and of invalid input."""

import json
from pathlib import Path

import httpx
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score

from glassbox.files import read_json
from glassbox.serving.process import running_service
from spine_project import Project, new_project
from toy_texts import messages


def test_every_stage_ran_and_the_audit_is_clean(texts: Project, news: Project) -> None:
    for project in (texts, news):
        assert len(project.clean_report()["requirements"]) == 2


def test_the_metrics_can_be_recomputed_from_the_predictions(texts: Project, news: Project) -> None:
    predictions = pd.read_parquet(texts.root / "data/messages/evaluate/predictions.parquet")
    metrics = read_json(texts.root / "reports/messages/report.json")["metrics"]
    assert metrics["accuracy"]["value"] == pytest.approx(accuracy_score(predictions["y_true"], predictions["y_pred"]))
    assert metrics["roc_auc"]["value"] == pytest.approx(
        roc_auc_score(predictions["y_true"] == "complaint", predictions["proba_complaint"])
    )
    spans = pd.read_parquet(news.root / "data/news/evaluate/predictions.parquet")
    truth, predicted = ([{tuple(span) for span in json.loads(cell)} for cell in spans[name]] for name in ("y_true", "y_pred"))
    right = sum(len(a & b) for a, b in zip(truth, predicted, strict=True))
    f1 = 2 * right / (sum(map(len, truth)) + sum(map(len, predicted)))
    assert read_json(news.root / "reports/news/report.json")["metrics"]["f1"]["value"] == pytest.approx(f1)


def test_near_duplicate_texts_are_in_the_same_fold(texts: Project) -> None:
    split = pd.read_parquet(texts.root / "data/messages/ingest/split.parquet")
    folds = pd.read_parquet(texts.root / "data/messages/features/folds.parquet")
    folds_per_group = split.merge(folds, on="row_id").groupby("content")["fold"].nunique()
    assert folds_per_group.max() == 1
    assert split["content"].duplicated().any()


def test_documents_are_in_one_fold_and_the_official_test_part_is_the_holdout(news: Project) -> None:
    train = pd.read_parquet(news.root / "data/news/ingest/train.parquet")
    folds = pd.read_parquet(news.root / "data/news/features/folds.parquet")
    assert train.merge(folds, on="row_id").groupby("document")["fold"].nunique().max() == 1
    assert train["document"].str.startswith("train.txt").all()
    assert pd.read_parquet(news.root / "data/news/ingest/holdout.parquet")["document"].str.startswith("test.txt").all()


def test_the_service_predicts_the_class_of_a_text(texts: Project) -> None:
    with (
        running_service(texts.root / "data/messages/deploy") as url,
        httpx.Client(base_url=url, trust_env=False, timeout=60) as client,
    ):

        def post_json(body: object) -> httpx.Response:
            return client.post("/predict", json=body)

        prediction = post_json({"text": "it is broken and the service was rude"}).json()["predictions"][0]
        assert prediction["y_pred"] == "complaint"
        assert prediction["proba_complaint"] + prediction["proba_praise"] == pytest.approx(1.0)
        several = post_json({"texts": ["works well, thank you", "does not work"]}).json()["predictions"]
        assert [row["y_pred"] for row in several] == ["praise", "complaint"]
        assert post_json({"text": ""}).status_code == 200
        assert post_json({"text": None}).json()["warnings"][0]["expected"].startswith("never missing")
        assert post_json({"text": "x" * 1_000_000}).status_code == 200
        assert post_json({"text": "x" * 1_100_000}).status_code == 413
        assert post_json({"text": ["a", "list"]}).status_code == 422
        assert post_json({"texts": []}).status_code == 422
        assert "perhaps text" in post_json({"txet": "a"}).json()["detail"] + str(
            post_json({"text": "a", "txet": "a"}).json()["problems"]
        )
        json_type = {"content-type": "application/json"}
        for body, status in ((b'{"text": "\xff\xfe"}', 400), (b"\x00\x01\x02", 400), (b"", 400)):
            assert client.post("/predict", content=body, headers=json_type).status_code == status
        assert client.post("/predict", content=b"\x89PNG", headers={"content-type": "image/png"}).status_code == 415


def test_the_service_predicts_the_entities_of_a_text(news: Project) -> None:
    with (
        running_service(news.root / "data/news/deploy") as url,
        httpx.Client(base_url=url, trust_env=False, timeout=60) as client,
    ):
        text = "Anna Berg said on Monday that Acme Corp would open in Paris ."
        [answer] = client.post("/predict", json={"text": text}).json()["predictions"]
        assert {(span["text"], span["type"]) for span in answer["y_pred"]} >= {("Acme Corp", "ORG"), ("Paris", "LOC")}
        assert all(text[span["start"] : span["end"]] == span["text"] for span in answer["y_pred"])
        assert client.post("/predict", json={"text": ""}).json()["predictions"] == [{"y_pred": []}]
        assert client.get("/schema").json()["prediction"] == {"y_pred": "list"}


def test_markup_in_texts_is_escaped(texts: Project) -> None:
    for stage in ("ingest", "explore", "evaluate"):
        page = (texts.root / f"reports/messages/{stage}.html").read_text(encoding="utf-8")
        assert "<br />on" not in page
        assert "alert(" not in page


def test_monitoring_profiles_words_and_languages(texts: Project) -> None:
    profile = read_json(texts.root / "data/messages/monitor/profile.json")
    assert [column["name"] for column in profile["columns"]][:3] == ["words", "unknown words", "language"]
    injected = next(f for f in read_json(texts.root / "data/messages/monitor/findings.json") if f["name"] == "injected_drift")[
        "finding"
    ]
    assert injected["rows"][0][2] == "no action"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return new_project(tmp_path_factory.mktemp("bad") / "project", "messages")


def rejection_message(project: Project, rows: object, *, until: str = "features", **changes: object) -> str:
    """Run a request on these rows and return the output in one line."""
    path = project.root / "odd.jsonl"
    if isinstance(rows, pd.DataFrame):
        rows.to_json(path, orient="records", lines=True)
    else:
        path.write_bytes(rows if isinstance(rows, bytes) else str(rows).encode())
    settings: dict[str, object] = {"name": "odd", "task": "nlp", "folds": 3, "data": {"path": "odd.jsonl", "target": "about"}}
    (project.root / "params/odd.json").write_text(json.dumps(settings | changes), encoding="utf-8")
    process = project.command("run", "odd", "--no-track", "--until", until)
    message = " ".join((process.stdout + process.stderr).split())
    assert "Traceback" not in message
    return message


def test_keys_of_other_answer_types_are_rejected(project: Project) -> None:
    message = rejection_message(project, messages(60), weights={"pipeline": "catalog:x"})
    assert "weights.pipeline is not used when task is 'nlp'; it applies only to another answer" in message
    assert "expected 'classes' or 'spans'" in rejection_message(project, messages(60), answer="boxes")
    assert "is not used when task is 'nlp'" in rejection_message(project, messages(60), horizon=3)


def test_missing_weights_are_reported(project: Project) -> None:
    assert "there is no folder 'data/raw/nowhere'" in rejection_message(
        project, messages(60), weights={"encoder": "data/raw/nowhere"}
    )
    assert "the catalogue has no entry 'minilmm'; nearest: minilm" in rejection_message(
        project, messages(60), weights={"encoder": "catalog:minilmm"}
    )


def test_data_without_texts_are_rejected(project: Project) -> None:
    rows = messages(60).assign(text="")
    assert "no column holds texts" in rejection_message(project, rows)
    assert "missing in all" in rejection_message(
        project, rows, data={"path": "odd.jsonl", "target": "about", "features": ["text"]}
    )


def test_a_numeric_target_is_rejected(project: Project) -> None:
    rows = messages(60).assign(about=[f"{i / 7:.3f}" for i in range(60)])
    assert "a quantity" in rejection_message(project, rows)


def test_an_unreadable_entity_column_is_rejected(project: Project) -> None:
    rows = messages(60).assign(about="not spans")
    message = rejection_message(project, rows, answer="spans")
    assert "cannot be read in any of 60 texts: entities that are not JSON" in message


def test_binary_files_are_rejected(project: Project) -> None:
    assert "is a picture" in rejection_message(project, b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20)
    assert "empty" in rejection_message(project, b"")


def test_the_holdout_keeps_official_parts_of_files(tmp_path: Path) -> None:
    from glassbox.data.ingest import read
    from glassbox.request.model import Data, Request, Split

    for part in ("posts-train", "posts-test"):
        messages(30).to_csv(tmp_path / f"{part}.csv", index=False)
    settings = Request(
        name="a",
        task="nlp",
        data=Data(path="*.csv", target="about", features=["text"]),
        split=Split(by="column", column="file"),
        folds=3,
    )
    arrival, _ = read(settings, tmp_path)
    assert arrival.cells["file"].astype(str).unique().tolist() == ["test", "train"]
