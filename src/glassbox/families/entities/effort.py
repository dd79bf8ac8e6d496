"""Search effort of each cost level for named-entity recognition."""

from glassbox.families.protocol import Effort
from glassbox.request.model import Cost

EFFORT: dict[Cost, Effort] = {
    "low": Effort(
        "A gazetteer, and the spaCy pipeline, both pretrained and fine-tuned.", trials=1, resamples=500, sizes={"epochs": 2}
    ),
    "medium": Effort("Also a token classifier on the encoder.", trials=2, resamples=1000, sizes={"epochs": 3}),
    "high": Effort("Also a fine-tuned transformer.", trials=12, resamples=2000, sizes={"epochs": 8}),
}
