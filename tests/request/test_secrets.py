"""Secrets in a request are references to environment variables, and literal passwords are detected and masked."""

import pytest

from glassbox.errors import RequestError
from glassbox.request.secrets import holds_literal_secret, malformed_reference, mask, reveal


def test_a_secret_is_resolved_when_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DB_USER", "ann")
    monkeypatch.setenv("DB_PASSWORD", r"p\1${env:DB_USER}")
    assert reveal("pg://${env:DB_USER}:${env:DB_PASSWORD}@db/x") == r"pg://ann:p\1${env:DB_USER}@db/x"


def test_all_missing_variables_are_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ONE", raising=False)
    monkeypatch.delenv("TWO", raising=False)
    with pytest.raises(RequestError) as caught:
        reveal("${env:ONE}${env:TWO}${env:ONE}")
    assert ["ONE" in line for line in caught.value.problems] == [True, False]


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        ("postgresql://ann:hunter2@db/sales", "postgresql://ann:***@db/sales"),
        ("postgresql://ann:hun/ter@2@db/sales", "postgresql://ann:***@db/sales"),
        ("s3://key:${env:HALF}secret@bucket/x", "s3://key:***@bucket/x"),
        ("ftp://ann:12345@host/x", "ftp://ann:***@host/x"),
        ("https://host/x?api_key=abc&page=2", "https://host/x?api_key=***&page=2"),
        ("https://host/x?a=1&access_token=abc", "https://host/x?a=1&access_token=***"),
        ("host=db user=ann password=hunter2", "host=db user=ann password=***"),
    ],
)
def test_a_literal_password_is_detected_and_masked(url: str, masked: str) -> None:
    assert holds_literal_secret(url)
    assert mask(url) == masked


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://ann:${env:DB_PASSWORD}@db/sales",
        "postgresql://${env:U}:${env:P}@db/${env:NAME}",
        "https://host:8080/people/@ann",
        "https://host/x?api_key=${env:KEY}&page=2",
        "postgresql://ann@db/sales",
        "data/key=1/part.parquet",
        "catalog:churn",
        "C:/data/x@y.csv",
    ],
)
def test_text_without_a_password_is_unchanged(url: str) -> None:
    assert not holds_literal_secret(url)
    assert mask(url) == url


@pytest.mark.parametrize("text", ["${DB_PASSWORD}", "${env:}", "${env:A-B}", "${ENV:A}", "${env:A", "${env:1A}"])
def test_a_malformed_reference_is_detected(text: str) -> None:
    assert malformed_reference(f"x${{env:OK}}{text}") == text


@pytest.mark.parametrize("unit", ["a://", "a://b:", "a", "a-", "passwd", "://x:y", "key=", "a://b:c@", "@"])
def test_masking_takes_linear_time(unit: str) -> None:
    text = (unit * 70_000)[:70_000]
    assert mask(text).startswith(unit[:1])  # a quadratic pattern would take minutes


def test_a_password_may_hold_an_at_sign_and_several_addresses_are_masked() -> None:
    assert mask("a://b:x@y@host/p and c://d:e@f?token=z") == "a://b:***@host/p and c://d:***@f?token=***"
    assert mask("http://host:8080/a@b") == "http://host:8080/a@b"
