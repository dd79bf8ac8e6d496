"""Search effort of each cost level for tables."""

from glassbox.families.protocol import Effort
from glassbox.request.model import Cost

EFFORT: dict[Cost, Effort] = {
    "low": Effort("Five candidates with 200 trees.", trials=12, resamples=1000, sizes={"trees": 200}),
    "medium": Effort("Five candidates with 400 trees.", trials=40, resamples=2000, sizes={"trees": 400}),
    "high": Effort("Five candidates with 800 trees.", trials=120, resamples=5000, sizes={"trees": 800}),
}
