"""How recognisers are judged on texts: by spans that are right in both ends and type."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from glassbox.families.entities.dataset import EntityDataset, Ints
from glassbox.families.entities.estimates import estimates, paired_gain
from glassbox.families.entities.metrics import Counts, score
from glassbox.families.entities.spans import Span, read_spans, written
from glassbox.families.shared.set_prediction import Run
from glassbox.findings.model import Estimate

OVER_TEXTS = "Over all out-of-fold texts together; intervals are 95 % bootstrap over documents, or texts where there are none."


@dataclass(frozen=True)
class SpanJudge:
    """The texts of train; implements `glassbox.families.shared.set_prediction.Judge`."""

    sentences: EntityDataset

    @property
    def row_ids(self) -> list[str]:
        return self.sentences.row_ids

    @property
    def fold(self) -> Ints:
        return self.sentences.fold

    @property
    def folds(self) -> range:
        return self.sentences.folds

    def of_fold(self, said: Mapping[str, Any]) -> list[list[Span]]:
        return [[Span(*span) for span in row] for row in said["spans"]]

    def written(self, found: Sequence[Span]) -> str:
        return written(found)

    def read(self, cell: str, row: int) -> list[Span]:
        spans = read_spans(cell, self.sentences.texts[row])
        return [] if isinstance(spans, str) else spans

    def _counts(self, run: Run[Span]) -> Counts:
        assert run.found is not None
        return Counts.of(self.sentences.spans, run.found, self.sentences.types, self.sentences.documents)

    def values(self, run: Run[Span]) -> dict[str, float]:
        return score(self._counts(run))

    def estimates(self, run: Run[Span], *, resamples: int, seed: int) -> dict[str, Estimate]:
        return estimates(self._counts(run), resamples=resamples, seed=seed)

    def gain(self, better: Run[Span], worse: Run[Span], metric: str, *, resamples: int, seed: int) -> Estimate:
        return paired_gain(self._counts(better), self._counts(worse), metric, resamples=resamples, seed=seed)
