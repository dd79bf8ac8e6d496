"""Contract tests of tabular models: they cover every entry of `candidates` and `KINDS`."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from glassbox.data.schema import Schema
from glassbox.families.classification.calibration.apply import Calibration
from glassbox.families.classification.metrics import Sample, score
from glassbox.families.predictor_protocol import Predictor, load_predictor
from glassbox.families.shared.candidates import Candidate
from glassbox.families.tabular.candidates import candidates
from glassbox.families.tabular.effort import EFFORT
from glassbox.families.tabular.fit import fit_fold
from glassbox.families.tabular.models import KINDS
from glassbox.families.tabular.predictor import TabularPredictor
from glassbox.families.tabular.refit import refit
from glassbox.files import files_below, hash_tree
from glassbox.runtime.resources import Resources
from toy_tables import FULL, customers, dataset, labelled


def quick(candidate: Candidate) -> Candidate:
    """Return the candidate with fewer trees, for fast tests."""
    return candidate.model_copy(
        update={"params": {**candidate.params, **({"n_estimators": 20} if "n_estimators" in candidate.params else {})}}
    )


ALL = [quick(candidate) for candidate in candidates(EFFORT["low"])]
MEMBERS = [
    {"name": c.name, "kind": c.kind, "params": c.params, "weight": 0.5}
    for c in ALL
    if c.kind in ("logistic_regression", "lightgbm")
]
ALL.append(Candidate(name="weighted ensemble", kind="ensemble", params={"members": MEMBERS}))
every_candidate = pytest.mark.parametrize("candidate", ALL, ids=[candidate.name for candidate in ALL])
two_and_three_classes = pytest.mark.parametrize("classes", [2, 3])


def predictor(candidate: Candidate, classes: int = 2, seed: int = 0, threads: int = 1) -> TabularPredictor:
    _, schema = customers(classes=classes)
    best = {"kind": candidate.kind, "params": candidate.params, "recipe": FULL.model_dump()}
    return refit(best, labelled(classes=classes), schema, Calibration(), 0.4, Resources(seed=seed, threads=threads))


def test_every_kind_is_tested() -> None:
    assert {candidate.kind for candidate in ALL} == set(KINDS)


@pytest.mark.parametrize(("less", "more"), [("low", "medium"), ("medium", "high")])
def test_a_higher_cost_fits_more_trees(less: str, more: str) -> None:
    trees = [{c.name: c.params.get("n_estimators", 0) for c in candidates(EFFORT[cost])} for cost in (less, more)]  # type: ignore[arg-type]
    assert all(trees[1][name] > n for name, n in trees[0].items() if n)


@every_candidate
@two_and_three_classes
def test_probabilities_are_non_negative_and_sum_to_one(candidate: Candidate, classes: int) -> None:
    proba = predictor(candidate, classes).proba(customers(classes=classes, seed=9)[0])
    assert proba.shape == (240, classes)
    assert (proba >= 0).all()
    assert proba.sum(axis=1) == pytest.approx(np.ones(240), abs=1e-12)


@every_candidate
@two_and_three_classes
def test_models_learn_a_signal(candidate: Candidate, classes: int) -> None:
    data = labelled(400, classes=classes)
    proba = np.empty((400, classes))
    for fold in data.folds:
        proba[data.fold == fold] = fit_fold(dataset(FULL, data), candidate, fold, Resources())["proba"]
    auc = score(Sample.of(data.y, proba), ["roc_auc"])["roc_auc"]
    assert auc > 0.7 if KINDS[candidate.kind].learns else auc < 0.6


@every_candidate
def test_probabilities_belong_to_their_class(candidate: Candidate) -> None:
    frame, _ = customers(seed=9)
    predictions = predictor(candidate).predict(frame)
    stay, leave = frame["tenure"] > 60, (frame["tenure"] < 10) & (frame["plan"] == "month")
    difference = predictions.loc[leave, "proba_yes"].mean() - predictions.loc[stay, "proba_yes"].mean()
    assert difference > 0.2 if KINDS[candidate.kind].learns else difference == pytest.approx(0.0)


@every_candidate
@two_and_three_classes
def test_a_loaded_model_gives_the_same_predictions_and_bytes(candidate: Candidate, classes: int, tmp_path: Path) -> None:
    frame, _ = customers(classes=classes, seed=9)
    model = predictor(candidate, classes)
    model.save(tmp_path)
    loaded = load_predictor(tmp_path)
    assert isinstance(loaded, Predictor)
    assert loaded.predict(frame).equals(model.predict(frame))
    loaded.save(tmp_path / "copy")
    original = {name: path.read_bytes() for name, path in files_below(tmp_path) if not name.startswith("copy")}
    assert {name: path.read_bytes() for name, path in files_below(tmp_path / "copy")} == original


@every_candidate
def test_a_saved_model_contains_no_pickle(candidate: Candidate, tmp_path: Path) -> None:
    predictor(candidate).save(tmp_path)
    for name, path in files_below(tmp_path):
        assert Path(name).suffix in {".json", ".skops", ".ubj", ".txt"}
        assert not path.read_bytes().startswith(b"\x80")


@every_candidate
def test_the_same_fit_gives_the_same_bytes(candidate: Candidate, tmp_path: Path) -> None:
    predictor(candidate).save(tmp_path / "one")
    predictor(candidate).save(tmp_path / "two")
    assert hash_tree(tmp_path / "one") == hash_tree(tmp_path / "two")


@every_candidate
def test_a_prediction_does_not_depend_on_other_rows(candidate: Candidate) -> None:
    frame, _ = customers(seed=9)
    model = predictor(candidate)
    from_batch = model.predict(frame).iloc[[17]]
    from_row = model.predict(frame.iloc[[17]])
    assert from_row["y_pred"].tolist() == from_batch["y_pred"].tolist()
    assert from_row["proba_yes"].tolist() == pytest.approx(from_batch["proba_yes"].tolist(), abs=1e-12)


@every_candidate
def test_predictions_have_the_order_and_index_of_the_frame(candidate: Candidate) -> None:
    frame, _ = customers(seed=9)
    model = predictor(candidate)
    reversed_frame = frame.iloc[::-1]
    assert model.predict(reversed_frame).iloc[::-1].equals(model.predict(frame))


@every_candidate
def test_the_frame_is_unchanged_and_unused_columns_do_not_matter(candidate: Candidate) -> None:
    frame, _ = customers(seed=9)
    before = frame.copy(deep=True)
    model = predictor(candidate)
    assert model.predict(frame).equals(model.predict(frame[list(FULL.columns)]))
    assert frame.equals(before)


@every_candidate
def test_rows_with_missing_and_unseen_values_are_predicted(candidate: Candidate) -> None:
    frame, _ = customers(3)
    frame = frame.assign(
        tenure=np.nan, spend=[np.inf, -np.inf, 1e300], plan=[None, "never seen", "month"], town=None, remark=None
    )
    frame["since"] = np.array(["NaT", "1650-01-01", "9999-12-31"], dtype="datetime64[us]")
    assert np.isfinite(predictor(candidate).proba(frame)).all()


@every_candidate
def test_no_rows_give_no_predictions(candidate: Candidate) -> None:
    predictions = predictor(candidate).predict(customers()[0].head(0))
    assert predictions.columns.tolist() == ["y_pred", "proba_no", "proba_yes"]
    assert len(predictions) == 0


@every_candidate
def test_a_class_absent_from_training_gets_a_low_probability(candidate: Candidate) -> None:
    data = labelled(classes=3)
    frame, y = data.frame[data.y < 2], data.y[data.y < 2]
    from glassbox.families.tabular.fit import fit

    proba = fit(candidate.kind, candidate.params, FULL.edited({"town": "left out"}), frame, y, 3, seed=0).proba(frame)
    assert proba.shape == (len(frame), 3)
    assert proba[:, 2].max() < 0.2


SAVE_ALL = """
import sys
from pathlib import Path
import numpy
numpy.full(1_000_000, 7.5)  # uninitialised memory must not reach saved files
from test_candidates import ALL, predictor
for i, candidate in enumerate(ALL):
    predictor(candidate).save(Path(sys.argv[1]) / str(i))
"""


def test_other_processes_and_hash_seeds_give_the_same_bytes(tmp_path: Path) -> None:
    here = Path(__file__).parent
    path = f"{here}:{here.parent}:{here.parents[1] / 'src'}"
    for seed in ("1", "2"):
        env = {"PYTHONHASHSEED": seed, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"}
        subprocess.run([sys.executable, "-c", SAVE_ALL, str(tmp_path / seed)], check=True, env=env)
    assert hash_tree(tmp_path / "1") == hash_tree(tmp_path / "2")


def test_the_schema_is_saved_with_the_model(tmp_path: Path) -> None:
    predictor(ALL[1]).save(tmp_path)
    assert isinstance(load_predictor(tmp_path).schema, Schema)
    assert load_predictor(tmp_path).schema == customers()[1]
