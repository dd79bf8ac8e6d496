"""End-to-end tests of a forecasting request, with the real command and notebooks, and of invalid input."""

import json
import subprocess
import sys
from pathlib import Path

import httpx
import numpy as np
import pandas as pd
import pytest

from glassbox.files import read_json
from glassbox.pipeline.spec import STAGES
from glassbox.serving.process import running_service
from spine_project import Project, new_project
from toy_series import shops


def test_every_stage_ran_and_the_report_covers_the_requirements(forecast: Project) -> None:
    assert forecast.statuses() == dict.fromkeys(STAGES, "ran")
    report = read_json(forecast.root / "reports/shops/report.json")
    assert [row["name"] for row in report["requirements"]] == ["mase", "latency"]
    assert {row["verdict"] for row in report["audit"]} == {"avoided"}
    assert "less error than the best simple forecast (mean week)" in report["answer"]


def test_the_holdout_is_the_last_horizons_of_every_series(forecast: Project) -> None:
    split = pd.read_parquet(forecast.root / "data/shops/ingest/split.parquet").set_index("row_id")["part"]
    train, holdout = (pd.read_parquet(forecast.root / f"data/shops/ingest/{part}.parquet") for part in ("train", "holdout"))
    assert holdout.groupby("shop").size().tolist() == [21, 21, 21]
    assert train["day"].max() < holdout["day"].min()
    assert split.value_counts().to_dict() == {"train": len(train), "holdout": len(holdout)}


def test_the_metrics_can_be_recomputed_from_the_predictions(forecast: Project) -> None:
    predictions = pd.read_parquet(forecast.root / "data/shops/evaluate/predictions.parquet")
    metrics = read_json(forecast.root / "reports/shops/report.json")["metrics"]
    assert metrics["mae"]["value"] == pytest.approx((predictions["y_true"] - predictions["y_pred"]).abs().mean())
    inside = (predictions["y_true"] >= predictions["q05"]) & (predictions["y_true"] <= predictions["q95"])
    assert metrics["coverage"]["value"] == pytest.approx(inside.mean())
    held = pd.read_parquet(forecast.root / "data/shops/ingest/holdout.parquet")
    assert set(predictions["row_id"]) == set(held["row_id"])


def test_the_served_model_is_refitted_and_reports_it(forecast: Project) -> None:
    facts = next(f for f in read_json(forecast.root / "data/shops/deploy/findings.json") if f["name"] == "served")["finding"]
    assert facts["facts"]["Identical"] == "no, refitted"
    assert "refitted on all history" in facts["say"]


def test_the_service_predicts_quantiles_from_a_series_or_a_history(forecast: Project) -> None:
    with (
        running_service(forecast.root / "data/shops/deploy") as url,
        httpx.Client(base_url=url, trust_env=False, timeout=60) as client,
    ):

        def post_json(body: object) -> httpx.Response:
            return client.post("/predict", json=body)

        rows_of_series = post_json({"series": "s1", "horizon": 3}).json()["predictions"]
        assert [row["day"] for row in rows_of_series] == ["2021-08-12T00:00:00", "2021-08-13T00:00:00", "2021-08-14T00:00:00"]
        assert all(row["q05"] <= row["q50"] <= row["q95"] for row in rows_of_series)
        every = post_json({"series": "*", "horizon": 7}).json()["predictions"]
        assert {row["shop"] for row in every} == {"s0", "s1", "s2"}
        assert len(every) == 21
        rows = shops(days=40).query("shop == 's0'").assign(day=lambda f: f["day"].dt.strftime("%Y-%m-%d"))
        history = rows[["day", "sold", "rain"]].to_dict("records")
        from_history = post_json({"history": history, "horizon": 2, "future": [{"rain": 0.0}, {"rain": 1.0}]}).json()[
            "predictions"
        ]
        assert [row["note"] for row in from_history[-3:]] == ["history", "", ""]
        assert from_history[-1]["day"] == "2021-02-14T00:00:00"
        short = post_json({"history": history[:5], "horizon": 2}).json()["predictions"][-1]
        assert short["y_pred"] is not None
        assert short["day"] == "2021-01-10T00:00:00"
        blind = post_json({"series": "s1", "horizon": 1}).json()["predictions"]
        assert blind[0]["note"] == "where rain is missing, its value one season earlier is used"
        assert "not known" in post_json({"series": "nowhere", "horizon": 2}).json()["predictions"][0]["note"]
        assert (
            "not one of the 7 steps"
            in post_json({"shop": "s0", "day": "2030-01-01", "rain": 0.1}).json()["predictions"][0]["note"]
        )
        for body, message in (
            ({"series": "s1", "horizon": 8}, "from 1 to 7"),
            ({"horizon": 2}, "series is missing"),
            ({"series": "s1", "horizon": 2, "colour": 1}, "colour"),
            ({"history": 3, "horizon": 2}, "history is not a list"),
            ({"history": [{"day": "soon"}], "horizon": 2}, "a row of history has 'day' 'soon'; expected a date"),
        ):
            response = post_json(body)
            assert response.status_code == 422
            assert message in response.json()["detail"]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return new_project(tmp_path_factory.mktemp("bad") / "project", "shops")


def rejection_message(project: Project, frame: pd.DataFrame, **changes: object) -> str:
    """Run a request on these rows and return the error message in one line."""
    frame.to_csv(project.root / "odd.csv", index=False)
    settings: dict[str, object] = {"name": "odd", "task": "forecasting", "horizon": 7, "split": {"origins": 2}, "folds": 3}
    settings["data"] = {"path": "odd.csv", "time": "day", "series": "shop", "target": "sold", "features": []} | dict(
        changes.pop("data", {})
    )  # type: ignore[call-overload]
    if not settings["data"]["features"]:  # type: ignore[index]
        del settings["data"]["features"]  # type: ignore[attr-defined]
    (project.root / "params/odd.json").write_text(json.dumps(settings | changes), encoding="utf-8")
    process = project.command("run", "odd", "--no-track", "--until", "features")
    message = " ".join((process.stdout + process.stderr).split())
    assert "Traceback" not in message
    assert process.returncode in (1, 2), message
    return message


def rows(days: int = 100) -> pd.DataFrame:
    return shops(days=days)[["shop", "day", "sold", "rain"]]


def test_a_history_shorter_than_a_season_and_a_fold_is_rejected(project: Project) -> None:
    assert "Provide more history, a shorter horizon, or fewer split.origins" in rejection_message(project, rows(26))


def test_a_horizon_longer_than_the_history_is_rejected(project: Project) -> None:
    assert "2 horizons of 50 steps need more than 100 steps, but the data has 60" in rejection_message(
        project, rows(60), horizon=50
    )


def test_a_constant_series_is_rejected(project: Project) -> None:
    flat = rows().query("shop == 's0'").assign(sold=3.0)
    assert "expected at least two different values" in rejection_message(project, flat)


def test_a_mistyped_column_gets_a_suggestion(project: Project) -> None:
    assert "there is no column 'dya'" in rejection_message(project, rows(), data={"time": "dya"})
    assert "'rain'" in rejection_message(project, rows(), data={"known": ["rian"]})


def test_keys_of_other_tasks_are_rejected(project: Project) -> None:
    assert "is not used when task is 'forecasting'" in rejection_message(project, rows(), data={"positive": "yes"})
    assert "expected 'horizon'" in rejection_message(project, rows(), split={"by": "hash"})
    assert "horizon is missing" in rejection_message(project, rows(), horizon=None)


def test_missing_future_covariates_are_imputed_from_the_season_before() -> None:
    from glassbox.families.forecasting.recipe import impute_future

    ahead = np.array([[np.nan, 5.0, np.nan]])
    assert impute_future(ahead, np.array([[1.0, 2.0, 3.0, 4.0]]), 2).tolist() == [[3.0, 5.0, 3.0]]


def test_infinite_and_negative_values_are_reported(project: Project) -> None:
    odd = rows().astype({"sold": object})
    odd.loc[5, "sold"] = "inf"
    odd.loc[9, "sold"] = -4.0
    odd.to_csv(project.root / "odd.csv", index=False)
    settings = {"name": "odd", "task": "forecasting", "horizon": 7, "split": {"origins": 2}, "folds": 3}
    data = {"path": "odd.csv", "time": "day", "series": "shop", "target": "sold"}
    (project.root / "params/odd.json").write_text(json.dumps(settings | {"data": data}), encoding="utf-8")
    process = project.command("run", "odd", "--no-track", "--until", "explore")
    assert process.returncode == 0, process.stdout + process.stderr
    findings = {stage: json.dumps(read_json(project.root / f"data/odd/{stage}/findings.json")) for stage in ("ingest", "explore")}
    assert "1 value is not a finite number" in findings["ingest"]
    assert "of both signs" in findings["explore"]


def test_the_installed_command_works(forecast: Project) -> None:
    process = subprocess.run(
        [str(Path(sys.executable).with_name("glassbox")), "status", "shops"],
        cwd=forecast.root,
        capture_output=True,
        text=True,
        check=False,
    )
    assert "stale" not in process.stdout
