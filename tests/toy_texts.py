"""Synthetic customer messages whose words indicate their class, with markup, encoding errors and near-duplicates."""

import numpy as np
import pandas as pd

PRAISE = ["thank you so much", "works well", "very happy with it", "great service", "what a lovely parcel", "kind and quick"]
COMPLAINTS = ["it is broken", "does not work", "still no answer", "very slow service", "what a useless parcel", "rude and late"]
NEUTRAL = [
    "the parcel came",
    "on monday",
    "by mail",
    "to my house",
    "i wrote to you",
    "about my order",
    "from the shop",
    "in blue",
]


def messages(rows: int = 400, seed: int = 3) -> pd.DataFrame:
    """Generate ``text``, ``about`` (praise, complaint) and ``channel``; some texts have phrases of both classes."""
    rng = np.random.default_rng(seed)
    records = []
    for i in range(rows):
        about = "complaint" if rng.random() < 0.45 else "praise"
        typical, opposite = (COMPLAINTS, PRAISE) if about == "complaint" else (PRAISE, COMPLAINTS)
        parts = [str(part) for part in rng.choice(NEUTRAL, 3, replace=False)] + [str(rng.choice(typical))]
        if rng.random() < 0.15:
            parts.append(str(rng.choice(opposite)))
        parts = [parts[j] for j in rng.permutation(len(parts))]
        text = f"{', '.join(parts)}. Order {int(rng.integers(1000, 9999))}."
        text = text.replace(", ", "<br />", 1) if i % 11 == 0 else text
        text = text.replace("order", "ordÃ©r", 1) if i % 29 == 0 else text
        records.append({"text": text, "about": about, "channel": str(rng.choice(["mail", "chat"]))})
    frame = pd.DataFrame(records)
    frame.loc[5, "text"] = f"{frame.loc[4, 'text']} indeed"
    return frame
