"""Tests of the service without HTTP: failing models and logging."""

import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from glassbox.serving import service
from glassbox.serving.package import read_package


class _Failing:
    schema: Any = None

    def predict(self, frame: pd.DataFrame) -> pd.DataFrame:
        raise ValueError(f"could not convert {frame['contract'][0]!r}")

    def expand_query(self, question: Any) -> None: ...

    def save(self, folder: Path) -> None: ...


BODY = b'{"tenure": 1, "charges": 1, "contract": "a secret", "since": null}'


def test_a_failing_model_gets_500_without_its_traceback(package: Path) -> None:
    answer = service.predict_response(replace(read_package(package), predictor=_Failing()), BODY)
    assert answer.status_code == 500
    assert b"ValueError" in answer.body
    assert b"a secret" not in answer.body


def test_the_log_contains_the_code_location_but_no_values(package: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        service.predict_response(replace(read_package(package), predictor=_Failing()), BODY)
    assert "predict (test_service_inside.py:" in caplog.text
    assert "a secret" not in caplog.text


def test_a_prediction_is_not_logged(package: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        assert service.predict_response(read_package(package), BODY).status_code == 200
    assert caplog.text == ""


def test_missing_values_in_predictions_become_null() -> None:
    frame = pd.DataFrame({"y_pred": ["a", None], "low": [float("nan"), float("inf")]})
    assert service.to_records(frame) == [{"y_pred": "a", "low": None}, {"y_pred": None, "low": None}]


def test_responses_are_valid_utf_8_for_any_text() -> None:
    assert service.json_response(200, {"a": "\ud800 ü"}).body == b'{"a": "\\ud800 \xc3\xbc"}'
