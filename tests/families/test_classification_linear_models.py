"""Linear heads: fits and predictions do not depend on what runs in parallel or in the same batch."""

import io
import warnings
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from glassbox.families.classification.linear_models import Head, logistic, support_vectors
from glassbox.families.shared.candidates import Candidate
from glassbox.families.shared.cross_fit import cross_fit
from glassbox.families.text.corpus import Corpus
from glassbox.families.text.ngram_models import fit_naive_bayes_linear
from glassbox.families.text.protocols import Fitting
from glassbox.runtime.resources import Resources

RNG = np.random.default_rng(0)
X = sp.random(3000, 4000, 0.01, format="csr", random_state=1)
Y = (RNG.random(3000) < 0.5).astype(np.int64)
TEXTS = [" ".join(f"word{k}" for k in RNG.integers(0, 900, 30)) for _ in range(1500)]


def fitted(kind: str) -> bytes:
    if kind == "naive_bayes_linear":
        model: Any = fit_naive_bayes_linear(Corpus(TEXTS).whole(), Y[:1500], Fitting({"ngrams": [1, 1], "C": 10.0}, 2, 1, 1))
        return bytes(model.head.weights.tobytes())
    fit = support_vectors if kind == "svm" else logistic
    return fit(X, Y, 2, c=1.0, seed=7).weights.tobytes()


@pytest.mark.parametrize("kind", ["svm", "naive_bayes_linear", "logistic"])
def test_parallel_fits_equal_a_single_fit(kind: str) -> None:
    exclusive_gpu = fitted(kind)
    with ThreadPoolExecutor(3) as pool:
        parallel = [pool.submit(fitted, kind_beside) for kind_beside in ("svm", "logistic") * 3]
        together = list(pool.map(fitted, [kind] * 4))
        for kind_beside in parallel:
            kind_beside.result()
    assert set(together) == {exclusive_gpu}


@pytest.mark.parametrize("scores", [1, 3, 14])
def test_probabilities_of_a_row_do_not_depend_on_the_batch(scores: int) -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(40, 517))
    head = Head(rng.normal(size=(517, scores)).astype(np.float32), rng.normal(size=scores).astype(np.float32))
    batch = head.proba(x)
    assert np.array_equal(batch, np.concatenate([head.proba(x[i : i + 1]) for i in range(40)]))
    assert np.array_equal(batch[:7], head.proba(np.asfortranarray(x[:7])))
    assert head.proba(x[:0]).shape == (0, max(2, scores))


def test_warnings_of_libraries_are_suppressed_in_parallel_fits() -> None:
    def warned(candidate: Candidate, place: int) -> dict[str, Any]:
        warnings.warn("possible convergence problem", UserWarning, stacklevel=1)
        return {"fit_s": 0.0, "predict_s": 0.0}

    stderr = io.StringIO()
    with warnings.catch_warnings(), redirect_stderr(stderr):
        warnings.simplefilter("always")
        cross_fit([Candidate(name="a", kind="a")], range(20), warned, list, Resources(workers=3))
    assert stderr.getvalue() == ""
