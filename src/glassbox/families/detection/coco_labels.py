"""The COCO category names, and their mapping to the labels of a request."""

from collections.abc import Iterable

# Lin et al. (2014). The dataset defines 90 category ids and annotates 80 of them.
# fmt: off
NAMES: dict[int, str] = {
    1: "person", 2: "bicycle", 3: "car", 4: "motorcycle", 5: "airplane", 6: "bus", 7: "train", 8: "truck", 9: "boat", 10: "traffic light",
    11: "fire hydrant", 12: "street sign", 13: "stop sign", 14: "parking meter", 15: "bench", 16: "bird", 17: "cat", 18: "dog", 19: "horse",
    20: "sheep", 21: "cow", 22: "elephant", 23: "bear", 24: "zebra", 25: "giraffe", 26: "hat", 27: "backpack", 28: "umbrella", 29: "shoe",
    30: "eye glasses", 31: "handbag", 32: "tie", 33: "suitcase", 34: "frisbee", 35: "skis", 36: "snowboard", 37: "sports ball", 38: "kite",
    39: "baseball bat", 40: "baseball glove", 41: "skateboard", 42: "surfboard", 43: "tennis racket", 44: "bottle", 45: "plate",
    46: "wine glass", 47: "cup", 48: "fork", 49: "knife", 50: "spoon", 51: "bowl", 52: "banana", 53: "apple", 54: "sandwich", 55: "orange",
    56: "broccoli", 57: "carrot", 58: "hot dog", 59: "pizza", 60: "donut", 61: "cake", 62: "chair", 63: "couch", 64: "potted plant", 65: "bed",
    66: "mirror", 67: "dining table", 68: "window", 69: "desk", 70: "toilet", 71: "door", 72: "tv", 73: "laptop", 74: "mouse", 75: "remote",
    76: "keyboard", 77: "cell phone", 78: "microwave", 79: "oven", 80: "toaster", 81: "sink", 82: "refrigerator", 83: "blender", 84: "book",
    85: "clock", 86: "vase", 87: "scissors", 88: "teddy bear", 89: "hair drier", 90: "toothbrush",
}
# fmt: on


def word_forms(name: str) -> set[str]:
    """Return a name in lower case, and the possible singular forms of it.

    >>> sorted(word_forms("Cherries"))
    ['cherri', 'cherrie', 'cherries', 'cherry']
    """
    normalised = " ".join("".join(char if char.isalnum() else " " for char in name.casefold()).split())
    forms = {normalised}
    if len(normalised) > 2 and normalised.endswith("s") and not normalised.endswith("ss"):
        forms.add(normalised[:-1])
        for ending, singular in (("ies", "y"), ("ves", "fe"), ("ves", "f"), ("es", "")):
            if normalised.endswith(ending):
                forms.add(normalised[: -len(ending)] + singular)
    return forms


def match_labels(labels: Iterable[str]) -> dict[int, str]:
    """Map COCO category ids to the labels with the same name, singular or plural.

    >>> match_labels(["Apple", "Oranges", "Satsumas"])
    {53: 'Apple', 55: 'Oranges'}
    """
    candidates = sorted(labels)
    mapping: dict[int, str] = {}
    for number, name in NAMES.items():
        forms = word_forms(name)
        exact = [label for label in candidates if label.casefold() == name]
        matches = exact or [label for label in candidates if word_forms(label) & forms]
        if matches:
            mapping[number] = matches[0]
    return mapping
