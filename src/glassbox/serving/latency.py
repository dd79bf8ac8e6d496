"""How long one prediction takes over HTTP: quantiles of real requests, with intervals."""

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
    """Ask a running service for one prediction at a time and say how long the answers took.

    One client on one kept connection, each request sent when the last answer has arrived: the time of a prediction
    without a queue. The client's own share (building the request, reading the answer) is within.

    Parameters
    ----------
    url : str
        Where the service answers.
    rows : sequence of mappings
        Rows that fit the schema, sent in turn.
    n_requests : int
        How many requests are timed.
    warmup : int
        How many are sent before and not timed.

    Returns
    -------
    Estimates
        ``latency`` (the 95th percentile), ``latency_p50`` and ``latency_p99`` in milliseconds, with 95 % intervals.

    Raises
    ------
    GlassboxError
        When an answer is not a prediction.
    """
    times = request_times_ms(url, rows, n_requests, warmup)
    values = {name: quantile_estimate(times, q, unit="ms") for name, q in QUANTILES.items()}
    p95 = values["latency"].value
    return Estimates(
        title="Latency of one prediction over HTTP",
        say=f"Of {n_requests:,} requests, 95 in 100 were answered within {number(p95)} ms." if p95 is not None else "",
        values=values,
    )


def request_times_ms(url: str, rows: Sequence[Mapping[str, Any]], n_requests: int, warmup: int) -> npt.NDArray[np.float64]:
    """Milliseconds of `n_requests` requests for one prediction each, in the order they were sent."""
    bodies = [json.dumps(dict(row), ensure_ascii=False).encode("utf-8") for row in rows]
    times = np.empty(n_requests)
    # trust_env: a proxy that the environment names is no part of what is measured.
    with httpx.Client(base_url=url, trust_env=False, headers={"content-type": "application/json"}, timeout=30) as client:
        for i in range(-warmup, n_requests):
            start = time.perf_counter_ns()
            response = client.post("/predict", content=bodies[i % len(bodies)])
            elapsed = time.perf_counter_ns() - start
            if response.status_code != 200:
                raise GlassboxError(f"{url}/predict answered {response.status_code}: {response.text[:200]}")
            if i >= 0:
                times[i] = elapsed / 1e6
    return times


def quantile_estimate(sample: npt.NDArray[np.float64], q: float, *, unit: str = "", level: float = 0.95) -> Estimate:
    """A quantile with an interval that assumes no distribution.

    The value is the order statistic :math:`x_{(\\lceil nq \\rceil)}`. The interval :math:`[x_{(l)}, x_{(u)}]` takes its
    ranks from the number of observations below the quantile, which is binomial(n, q) ([1]_, section 7.1): `l` and `u`
    are the 2.5 % point and one more than the 97.5 % point of it. A bound whose rank is beyond the sample is None: so
    few observations do not bound the quantile on that side. Observations are taken as independent.

    Parameters
    ----------
    sample : ndarray of shape (n,)
        Finite values.
    q : float
        Between 0 and 1.
    unit : str
        Of the values.
    level : float
        How often the interval is to hold the quantile.

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
