"""Search effort of each cost level for forecasting."""

from glassbox.families.protocol import Effort
from glassbox.request.model import Cost

EFFORT: dict[Cost, Effort] = {
    "low": Effort(
        "Statistical models that fit into a budget of 10 minutes of one core, and boosting.",
        trials=5,
        resamples=500,
        sizes={"trees": 150, "training rows": 60_000},
    ),
    "medium": Effort(
        "The same with a budget of 50 minutes, recursive boosting and larger models.",
        trials=15,
        resamples=1000,
        sizes={"trees": 300, "training rows": 300_000},
    ),
    "high": Effort(
        "All models, with a budget of 11 hours.", trials=40, resamples=2000, sizes={"trees": 600, "training rows": 1_000_000}
    ),
}
