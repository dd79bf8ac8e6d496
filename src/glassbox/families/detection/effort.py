"""Search effort of each cost level for object detection."""

from glassbox.families.protocol import Effort
from glassbox.request.model import Cost

EFFORT: dict[Cost, Effort] = {
    "low": Effort("The pretrained detector, and a detector on the first backbone.", trials=1, resamples=500, sizes={"epochs": 8}),
    "medium": Effort("The same, trained twice as long.", trials=2, resamples=1000, sizes={"epochs": 16}),
    "high": Effort("A detector on each backbone.", trials=12, resamples=2000, sizes={"epochs": 40}),
}
