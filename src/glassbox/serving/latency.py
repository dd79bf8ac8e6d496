"""Latency of single predictions over HTTP: quantiles of measured requests, with confidence intervals."""

import json
import math
import time
from collections.abc import Mapping, Sequence
from typing import Any

import httpx
import numpy as np
import numpy.typing as npt
from scipy.stats import binom

from glassbox.errors import GlassboxError
from glassbox.findings.model import Estimate, Estimates
from glassbox.findings.wording import number

QUANTILES = {"latency_p50": 0.50, "latency": 0.95, "latency_p99": 0.99}


def measure_latency(url: str, rows: Sequence[Mapping[str, Any]], n_requests: int = 500, warmup: int = 50) -> Estimates:
    """Measure the latency of a running service with one request at a time.

    One client sends the requests over one keep-alive connection, each after the previous response: the latency without queueing.
    It includes the client's own time for building the request and reading the response.

    Parameters
    ----------
    url : str
        The base URL of the service.
    rows : sequence of mappings
        Valid rows, sent in turn.
    n_requests : int
        The number of timed requests.
    warmup : int
        The number of requests sent before, without timing.

    Returns
    -------
    Estimates
        ``latency`` (the 95th percentile), ``latency_p50`` and ``latency_p99`` in milliseconds, with 95 % intervals.

    Raises
    ------
    GlassboxError
        A response is not a prediction.
    """
    times = request_times_ms(url, rows, n_requests, warmup)
    values = {name: quantile_estimate(times, q, unit="ms") for name, q in QUANTILES.items()}
    p95 = values["latency"].value
    return Estimates(
        title="Latency",
        say=f"95 % of {n_requests:,} single-row requests over HTTP were answered within {number(p95)} ms."
        if p95 is not None
        else "",
        values=values,
    )


def request_times_ms(url: str, rows: Sequence[Mapping[str, Any]], n_requests: int, warmup: int) -> npt.NDArray[np.float64]:
    """Return the latencies of `n_requests` single-row requests in milliseconds, in order.

    Raises
    ------
    GlassboxError
        A response is not a prediction.
    """
    bodies = [json.dumps(dict(row), ensure_ascii=False).encode("utf-8") for row in rows]
    times = np.empty(n_requests)
    # trust_env=False: a proxy of the environment must not affect the measurement.
    with httpx.Client(base_url=url, trust_env=False, headers={"content-type": "application/json"}, timeout=30) as client:
        for i in range(-warmup, n_requests):
            start = time.perf_counter_ns()
            response = client.post("/predict", content=bodies[i % len(bodies)])
            elapsed = time.perf_counter_ns() - start
            if response.status_code != 200:
                raise GlassboxError(f"{url}/predict returned status {response.status_code}; expected 200: {response.text[:200]}")
            if i >= 0:
                times[i] = elapsed / 1e6
    return times


def quantile_estimate(sample: npt.NDArray[np.float64], q: float, *, unit: str = "", level: float = 0.95) -> Estimate:
    """Estimate a quantile with a distribution-free confidence interval.

    The value is the order statistic :math:`x_{(\\lceil nq \\rceil)}`. The interval :math:`[x_{(l)}, x_{(u)}]` takes its
    ranks from the number of observations below the quantile, which is binomial(n, q) ([1]_, section 7.1): `l` and `u`
    are the 2.5 % point and one more than the 97.5 % point of it. A bound whose rank is outside the sample is None, because so few
    observations do not bound the quantile on that side. The observations are assumed to be independent.

    Parameters
    ----------
    sample : ndarray of shape (n,)
        Finite values.
    q : float
        The quantile, between 0 and 1.
    unit : str
        The unit of the values.
    level : float
        The confidence level of the interval.

    References
    ----------
    .. [1] David, H. A. and Nagaraja, H. N. (2003). Order Statistics, 3rd edition. Wiley.

    Examples
    --------
    >>> quantile_estimate(np.arange(1.0, 101.0), 0.5)
    Estimate(value=50.0, low=40.0, high=61.0, n=100, unit='')
    """
    ordered, n = np.sort(sample), len(sample)
    lower = int(binom.ppf((1 - level) / 2, n, q))
    upper = int(binom.ppf((1 + level) / 2, n, q)) + 1
    return Estimate(
        value=float(ordered[max(1, math.ceil(n * q)) - 1]),
        low=float(ordered[lower - 1]) if lower >= 1 else None,
        high=float(ordered[upper - 1]) if upper <= n else None,
        n=n,
        unit=unit,
    )
