"""Seven movements in a stream and what was said of them, for tests of figures."""

from pathlib import Path

from pskd_tf.device.recognizer import Decision, ExportedModel
from pskd_tf.device.recordings import LabelledSpan

MODEL = ExportedModel(Path("none"), ("a", "b"), True, 0.0)


def said_once(start, end, activity, confidence):
    return Decision(0, None, start, end, end + 0.5, activity, max(activity, 0), confidence, None)


_BORDERS = [(0, 2), (10, 12), (20, 22), (30, 32), (40, 42), (50, 52), (60, 62)]
SPANS = [LabelledSpan(start, end, "a") for start, end in _BORDERS]
# Nothing at 0; one piece at 10, two at 20; at 30 and 40 another class, at 50 and 60 the right one.
PIECES = [(10, 11), (20, 21), (21, 22), (30, 32), (40, 42), (50, 52), (60, 62), (70, 72)]
DECISIONS = [
    said_once(30, 32, 1, 0.9),
    said_once(40, 42, 1, 0.8),
    said_once(50, 52, 0, 0.25),
    said_once(60, 62, 0, 0.5),
    said_once(70, 72, 1, 0.7),
]
