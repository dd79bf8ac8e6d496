"""The effort of each level of cost for the classification of texts."""

from glassbox.families.protocol import Effort
from glassbox.request.model import Cost

EFFORT: dict[Cost, Effort] = {
    "low": Effort("One model of words, NB-SVM, and linear models of embeddings.", trials=2, resamples=1000, sizes={"tokens": 48}),
    "medium": Effort("Also models of characters and linear SVMs.", trials=4, resamples=2000, sizes={"tokens": 96}),
    "high": Effort("Also a fine-tuned transformer.", trials=30, resamples=5000, sizes={"tokens": 256}),
}
