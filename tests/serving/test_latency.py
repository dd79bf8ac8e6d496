"""Quantiles of latency, their intervals, and what is asked of the service."""

import math
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest

from glassbox.errors import GlassboxError
from glassbox.serving.latency import measure_latency, quantile_estimate, request_times_ms


def test_the_median_of_a_hundred_has_the_textbook_interval() -> None:
    # Conover (1999), table A3: ranks 40 and 61 for n = 100, p = 0.5.
    found = quantile_estimate(np.arange(100.0, 0.0, -1.0), 0.5)
    assert (found.value, found.low, found.high, found.n) == (50, 40, 61, 100)


def test_too_few_requests_do_not_bound_a_high_quantile_from_above() -> None:
    found = quantile_estimate(np.arange(1.0, 101.0), 0.99)
    assert (found.value, found.high) == (99, None)


def test_one_value_is_every_quantile_and_bounds_none() -> None:
    found = quantile_estimate(np.array([7.0]), 0.95)
    assert (found.value, found.low, found.high) == (7, None, None)


def test_the_interval_holds_the_quantile_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    true = -math.log(0.05)  # the 95 % point of the standard exponential
    found = [quantile_estimate(rng.exponential(size=400), 0.95) for _ in range(2000)]
    held = np.mean([e.low <= true <= e.high for e in found if e.low is not None and e.high is not None])
    assert 0.94 <= held <= 0.98  # ranks are whole: a little more than 95 %


def test_a_sample_is_not_changed() -> None:
    sample = np.array([3.0, 1.0, 2.0])
    quantile_estimate(sample, 0.5)
    assert sample.tolist() == [3, 1, 2]


class _Answering(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    status = 200
    asked: list[tuple[int, bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.asked.append((self.client_address[1], body))
        self.send_response(self.status)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def answering() -> Iterator[tuple[str, type[_Answering]]]:
    handler = type("Handler", (_Answering,), {"asked": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", handler
        server.shutdown()
        thread.join()


def test_every_request_is_sent_on_one_connection(answering: tuple[str, type[_Answering]]) -> None:
    url, handler = answering
    assert len(request_times_ms(url, [{"a": 1}], n_requests=6, warmup=3)) == 6
    assert len(handler.asked) == 9
    assert len({port for port, _ in handler.asked}) == 1


def test_rows_are_sent_in_turn(answering: tuple[str, type[_Answering]]) -> None:
    url, handler = answering
    request_times_ms(url, [{"a": 1}, {"a": 2}], n_requests=4, warmup=0)
    assert [body for _, body in handler.asked] == [b'{"a": 1}', b'{"a": 2}'] * 2


def test_latency_is_the_95_percentile_in_milliseconds(answering: tuple[str, type[_Answering]]) -> None:
    found = measure_latency(answering[0], [{"a": 1}], n_requests=40, warmup=2).values
    assert set(found) == {"latency", "latency_p50", "latency_p99"}
    assert {e.unit for e in found.values()} == {"ms"}
    assert 0 < found["latency_p50"].value <= found["latency"].value <= found["latency_p99"].value < 5000


def test_a_refusal_is_no_prediction_to_time(answering: tuple[str, type[_Answering]]) -> None:
    url, handler = answering
    handler.status = 422
    with pytest.raises(GlassboxError, match="answered 422"):
        measure_latency(url, [{"a": 1}], n_requests=5, warmup=0)
