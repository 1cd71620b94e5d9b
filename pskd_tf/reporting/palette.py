"""Colours: one for each thing, the same in every figure, at least 3 : 1 on white."""

_COLOURS = {
    "teachers/skeleton_teacher": "#0b6fb0",
    "teachers/fusion_teacher": "#0a7d62",
    "teachers/accelerometer_teacher": "#b0760b",
    "baseline": "#6b7178",
    "students/cross_fitted": "#c8501e",
    "students/in_sample": "#8d5aa8",
    "students/live": "#2a7f96",
    "students/live_mixture": "#6f6a1f",
    "students/live_ensemble": "#7a4b2a",
    "pruned": "#a2486f",
    "int8": "#2f3e5c",
    "ground_truth": "#9aa0a6",
}
_OTHERS = ("#c8501e", "#0b6fb0", "#0a7d62", "#b0760b", "#8d5aa8", "#a2486f", "#2a7f96", "#6f6a1f")
RIGHT, WRONG, INK, SOFT, LINE = "#0b5c8a", "#c8501e", "#1c2024", "#5b6570", "#e3e0da"


def colour_of(name: str) -> str:
    """Returns the colour of a model or target; an unknown one gets one by its letters."""
    known = _COLOURS.get(name) or _COLOURS.get(f"teachers/{name}")
    return known or _OTHERS[sum(name.encode()) % len(_OTHERS)]


def numbered_colour(number: int) -> str:
    """Returns a colour for the n-th of many, such as classes or runs."""
    return _OTHERS[number % len(_OTHERS)]


def blend(colour: str, share: float) -> str:
    """Returns a colour mixed with white: share 0 gives white, 1 the colour."""
    channels = [int(colour[start : start + 2], 16) for start in (1, 3, 5)]
    mixed = [round(255 + (channel - 255) * share) for channel in channels]
    return "#" + "".join(f"{channel:02x}" for channel in mixed)
