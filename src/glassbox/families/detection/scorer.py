"""How detectors are judged on pictures: by COCO's measure, and by F1 at the best score of each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from glassbox.families.detection.boxes import Box, read_boxes, write_boxes
from glassbox.families.detection.dataset import DetectionDataset, Ints
from glassbox.families.detection.metrics import Matches, estimates, paired_gain, score
from glassbox.families.detection.score_threshold import DEFAULT_NMS_IOU, best_threshold, curve_of, nms_all
from glassbox.families.shared.set_prediction import Run
from glassbox.findings.model import Estimate

OVER_PICTURES = (
    "Over all out-of-fold pictures together; intervals are 95 % bootstrap over pictures. F1 is at each candidate's best score."
)


@dataclass(frozen=True)
class BoxJudge:
    """The pictures of train; implements `glassbox.families.shared.set_prediction.Judge`. What a run's boxes match is found once."""

    scenes: DetectionDataset
    _matched: dict[Run[Box], tuple[Matches, float]] = field(default_factory=dict, repr=False)

    @property
    def row_ids(self) -> list[str]:
        return self.scenes.row_ids

    @property
    def fold(self) -> Ints:
        return self.scenes.fold

    @property
    def folds(self) -> range:
        return self.scenes.folds

    def of_fold(self, said: Mapping[str, Any]) -> list[list[Box]]:
        return [read_boxes(cell) for cell in said["boxes"]]

    def written(self, found: Sequence[Box]) -> str:
        return write_boxes(found)

    def read(self, cell: str, row: int) -> list[Box]:
        return read_boxes(cell)

    def matched(self, run: Run[Box]) -> tuple[Matches, float]:
        """What the boxes of a run match, and the score from which on they count for F1."""
        if run not in self._matched:
            assert run.found is not None
            matches = Matches.of(self.scenes.boxes, nms_all(run.found, DEFAULT_NMS_IOU), self.scenes.labels)
            self._matched[run] = matches, best_threshold(curve_of(matches))[0]
        return self._matched[run]

    def values(self, run: Run[Box]) -> dict[str, float]:
        return score(*self.matched(run))

    def estimates(self, run: Run[Box], *, resamples: int, seed: int) -> dict[str, Estimate]:
        return estimates(*self.matched(run), resamples=resamples, seed=seed)

    def gain(self, better: Run[Box], worse: Run[Box], metric: str, *, resamples: int, seed: int) -> Estimate:
        (one, first), (other, second) = self.matched(better), self.matched(worse)
        return paired_gain(one, other, metric, (first, second), resamples=resamples, seed=seed)
