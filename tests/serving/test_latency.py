"""Tests of latency quantiles, their intervals, and the timed requests."""

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
    estimate = quantile_estimate(np.arange(100.0, 0.0, -1.0), 0.5)
    assert (estimate.value, estimate.low, estimate.high, estimate.n) == (50, 40, 61, 100)


def test_too_few_requests_do_not_bound_a_high_quantile_from_above() -> None:
    estimate = quantile_estimate(np.arange(1.0, 101.0), 0.99)
    assert (estimate.value, estimate.high) == (99, None)


def test_a_single_value_is_every_quantile_without_bounds() -> None:
    estimate = quantile_estimate(np.array([7.0]), 0.95)
    assert (estimate.value, estimate.low, estimate.high) == (7, None, None)


def test_the_interval_has_its_nominal_coverage() -> None:
    rng = np.random.default_rng(1)
    true = -math.log(0.05)  # the 95 % point of the standard exponential
    estimates = [quantile_estimate(rng.exponential(size=400), 0.95) for _ in range(2000)]
    held = np.mean([e.low <= true <= e.high for e in estimates if e.low is not None and e.high is not None])
    assert 0.94 <= held <= 0.98  # ranks are integers, so the coverage is slightly above 95 %


def test_a_sample_is_not_changed() -> None:
    sample = np.array([3.0, 1.0, 2.0])
    quantile_estimate(sample, 0.5)
    assert sample.tolist() == [3, 1, 2]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    status = 200
    received: list[tuple[int, bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.received.append((self.client_address[1], body))
        self.send_response(self.status)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def stub_server() -> Iterator[tuple[str, type[_Handler]]]:
    handler = type("Handler", (_Handler,), {"received": []})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}", handler
        server.shutdown()
        thread.join()


def test_all_requests_use_one_connection(stub_server: tuple[str, type[_Handler]]) -> None:
    url, handler = stub_server
    assert len(request_times_ms(url, [{"a": 1}], n_requests=6, warmup=3)) == 6
    assert len(handler.received) == 9
    assert len({port for port, _ in handler.received}) == 1


def test_rows_are_sent_in_turn(stub_server: tuple[str, type[_Handler]]) -> None:
    url, handler = stub_server
    request_times_ms(url, [{"a": 1}, {"a": 2}], n_requests=4, warmup=0)
    assert [body for _, body in handler.received] == [b'{"a": 1}', b'{"a": 2}'] * 2


def test_latency_is_the_95th_percentile_in_milliseconds(stub_server: tuple[str, type[_Handler]]) -> None:
    values = measure_latency(stub_server[0], [{"a": 1}], n_requests=40, warmup=2).values
    assert set(values) == {"latency", "latency_p50", "latency_p99"}
    assert {e.unit for e in values.values()} == {"ms"}
    assert 0 < values["latency_p50"].value <= values["latency"].value <= values["latency_p99"].value < 5000


def test_an_error_response_fails_the_measurement(stub_server: tuple[str, type[_Handler]]) -> None:
    url, handler = stub_server
    handler.status = 422
    with pytest.raises(GlassboxError, match="returned status 422"):
        measure_latency(url, [{"a": 1}], n_requests=5, warmup=0)
