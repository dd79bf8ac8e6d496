"""Search effort of each cost level for image classification."""

from glassbox.families.protocol import Effort
from glassbox.request.model import Cost

EFFORT: dict[Cost, Effort] = {
    "low": Effort(
        "Linear models on embeddings, or a small network without a backbone.",
        trials=2,
        resamples=1000,
        sizes={"epochs": 3, "fine-tuning epochs": 4},
    ),
    "medium": Effort(
        "Also the last block of the first backbone, fine-tuned.",
        trials=2,
        resamples=2000,
        sizes={"epochs": 6, "fine-tuning epochs": 8},
    ),
    "high": Effort(
        "Also all of each backbone, fine-tuned, and a small network trained from scratch.",
        trials=20,
        resamples=5000,
        sizes={"epochs": 30, "fine-tuning epochs": 16},
    ),
}
