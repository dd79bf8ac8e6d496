"""Contract tests of tabular models: a new candidate or kind is covered by being listed in `candidates` or `KINDS`."""

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
    """The candidate with fewer trees, so that tests are quick."""
    return candidate.model_copy(
        update={"params": {**candidate.params, **({"n_estimators": 20} if "n_estimators" in candidate.params else {})}}
    )


ALL = [quick(candidate) for candidate in candidates(EFFORT["low"])]
every = pytest.mark.parametrize("candidate", ALL, ids=[candidate.name for candidate in ALL])
any_classes = pytest.mark.parametrize("classes", [2, 3])


def predictor(candidate: Candidate, classes: int = 2, seed: int = 0, threads: int = 1) -> TabularPredictor:
    _, schema = customers(classes=classes)
    best = {"kind": candidate.kind, "params": candidate.params, "recipe": FULL.model_dump()}
    return refit(best, labelled(classes=classes), schema, Calibration(), 0.4, Resources(seed=seed, threads=threads))


def test_every_kind_is_tried() -> None:
    assert {candidate.kind for candidate in ALL} == set(KINDS)


@pytest.mark.parametrize(("less", "more"), [("low", "medium"), ("medium", "high")])
def test_cost_is_counted_in_trees(less: str, more: str) -> None:
    trees = [{c.name: c.params.get("n_estimators", 0) for c in candidates(EFFORT[cost])} for cost in (less, more)]  # type: ignore[arg-type]
    assert all(trees[1][name] > n for name, n in trees[0].items() if n)


@every
@any_classes
def test_probabilities_are_probabilities(candidate: Candidate, classes: int) -> None:
    found = predictor(candidate, classes).proba(customers(classes=classes, seed=9)[0])
    assert found.shape == (240, classes)
    assert (found >= 0).all()
    assert found.sum(axis=1) == pytest.approx(np.ones(240), abs=1e-12)


@every
@any_classes
def test_learns_what_is_there(candidate: Candidate, classes: int) -> None:
    predict_rows = labelled(400, classes=classes)
    proba = np.empty((400, classes))
    for fold in predict_rows.folds:
        proba[predict_rows.fold == fold] = fit_fold(dataset(FULL, predict_rows), candidate, fold, Resources())["proba"]
    auc = score(Sample.of(predict_rows.y, proba), ["roc_auc"])["roc_auc"]
    assert auc > 0.75 if KINDS[candidate.kind].learns else auc < 0.6


@every
def test_two_classes_by_any_name_are_not_mixed_up(candidate: Candidate) -> None:
    frame, _ = customers(seed=9)
    found = predictor(candidate).predict(frame)
    stay, leave = frame["tenure"] > 60, (frame["tenure"] < 10) & (frame["plan"] == "month")
    apart = found.loc[leave, "proba_yes"].mean() - found.loc[stay, "proba_yes"].mean()
    assert apart > 0.2 if KINDS[candidate.kind].learns else apart == pytest.approx(0.0)


@every
@any_classes
def test_saved_and_loaded_it_predicts_the_same_bytes(candidate: Candidate, classes: int, tmp_path: Path) -> None:
    frame, _ = customers(classes=classes, seed=9)
    model = predictor(candidate, classes)
    model.save(tmp_path)
    again = load_predictor(tmp_path)
    assert isinstance(again, Predictor)
    assert again.predict(frame).equals(model.predict(frame))
    again.save(tmp_path / "again")
    first = {name: path.read_bytes() for name, path in files_below(tmp_path) if not name.startswith("again")}
    assert {name: path.read_bytes() for name, path in files_below(tmp_path / "again")} == first


@every
def test_nothing_saved_is_a_pickle(candidate: Candidate, tmp_path: Path) -> None:
    predictor(candidate).save(tmp_path)
    for name, path in files_below(tmp_path):
        assert Path(name).suffix in {".json", ".skops", ".ubj", ".txt"}
        assert not path.read_bytes().startswith(b"\x80")


@every
def test_another_fit_of_the_same_gives_the_same_bytes(candidate: Candidate, tmp_path: Path) -> None:
    predictor(candidate).save(tmp_path / "one")
    predictor(candidate).save(tmp_path / "two")
    assert hash_tree(tmp_path / "one") == hash_tree(tmp_path / "two")


@every
def test_one_row_is_predicted_as_among_many(candidate: Candidate) -> None:
    frame, _ = customers(seed=9)
    model = predictor(candidate)
    among = model.predict(frame).iloc[[17]]
    alone = model.predict(frame.iloc[[17]])
    assert alone["y_pred"].tolist() == among["y_pred"].tolist()
    assert alone["proba_yes"].tolist() == pytest.approx(among["proba_yes"].tolist(), abs=1e-12)


@every
def test_order_and_index_of_the_frame_are_kept(candidate: Candidate) -> None:
    frame, _ = customers(seed=9)
    model = predictor(candidate)
    backwards = frame.iloc[::-1]
    assert model.predict(backwards).iloc[::-1].equals(model.predict(frame))


@every
def test_frame_is_unchanged_and_other_columns_do_not_matter(candidate: Candidate) -> None:
    frame, _ = customers(seed=9)
    before = frame.copy(deep=True)
    model = predictor(candidate)
    assert model.predict(frame).equals(model.predict(frame[list(FULL.columns)]))
    assert frame.equals(before)


@every
def test_rows_of_gaps_and_unseen_values_are_answered(candidate: Candidate) -> None:
    frame, _ = customers(3)
    frame = frame.assign(
        tenure=np.nan, spend=[np.inf, -np.inf, 1e300], plan=[None, "never seen", "month"], town=None, remark=None
    )
    frame["since"] = np.array(["NaT", "1650-01-01", "9999-12-31"], dtype="datetime64[us]")
    assert np.isfinite(predictor(candidate).proba(frame)).all()


@every
def test_no_rows_give_no_predictions(candidate: Candidate) -> None:
    found = predictor(candidate).predict(customers()[0].head(0))
    assert found.columns.tolist() == ["y_pred", "proba_no", "proba_yes"]
    assert len(found) == 0


@every
def test_class_that_no_teaching_row_has_gets_no_probability_of_note(candidate: Candidate) -> None:
    predict_rows = labelled(classes=3)
    frame, y = predict_rows.frame[predict_rows.y < 2], predict_rows.y[predict_rows.y < 2]
    from glassbox.families.tabular.fit import fit

    proba = fit(candidate.kind, candidate.params, FULL.edited({"town": "left out"}), frame, y, 3, seed=0).proba(frame)
    assert proba.shape == (len(frame), 3)
    assert proba[:, 2].max() < 0.2


TWICE = """
import sys
from pathlib import Path
import numpy
numpy.full(1_000_000, 7.5)  # memory that is not clean
from test_candidates import ALL, predictor
for i, candidate in enumerate(ALL):
    predictor(candidate).save(Path(sys.argv[1]) / str(i))
"""


def test_other_processes_and_hash_seeds_give_the_same_bytes(tmp_path: Path) -> None:
    here = Path(__file__).parent
    path = f"{here}:{here.parent}:{here.parents[1] / 'src'}"
    for seed in ("1", "2"):
        env = {"PYTHONHASHSEED": seed, "PYTHONPATH": path, "OMP_NUM_THREADS": "1", "PATH": "/usr/bin:/bin"}
        subprocess.run([sys.executable, "-c", TWICE, str(tmp_path / seed)], check=True, env=env)
    assert hash_tree(tmp_path / "1") == hash_tree(tmp_path / "2")


def test_schema_travels_with_the_model(tmp_path: Path) -> None:
    predictor(ALL[1]).save(tmp_path)
    assert isinstance(load_predictor(tmp_path).schema, Schema)
    assert load_predictor(tmp_path).schema == customers()[1]
