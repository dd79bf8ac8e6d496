"""Search effort of each cost level for text classification."""

from glassbox.families.protocol import Effort
from glassbox.request.model import Cost

EFFORT: dict[Cost, Effort] = {
    "low": Effort("NB-SVM on word n-grams, and linear models on embeddings.", trials=2, resamples=1000, sizes={"tokens": 48}),
    "medium": Effort("Also character n-grams and linear SVMs.", trials=4, resamples=2000, sizes={"tokens": 96}),
    "high": Effort("Also a fine-tuned transformer.", trials=30, resamples=5000, sizes={"tokens": 256}),
}
