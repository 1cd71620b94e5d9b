"""From a finished student to the declared stages that make it small."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from pskd_tf.compression.board_limits import BoardLimits
from pskd_tf.models.streams_read import STREAMS_READ
from pskd_tf.pipeline.compression_search import CompressionSearch
from pskd_tf.pipeline.stage import Stage

METHODS = ("ptq", "qat")


class CompressionPlanner:
    """Declares the stages that cut, quantise and score students.

    Args:
        search: What the search was told.
    """

    def __init__(self, search: CompressionSearch):
        self.search = search

    def slim(self, student: Stage, limits: BoardLimits, **changes: Any) -> Stage:
        """Declares the cut of a student to a board's limits.

        Args:
            student: A fit stage.
            limits: What the board allows.
            **changes: Settings of the stage other than the search's.
        """
        settings = {
            "limits": dataclasses.asdict(limits),
            "cuts": self.search.cuts,
            "importance": self.search.importance,
            "epochs": self.search.slim_epochs,
            "learning_rate": self.search.slim_learning_rate,
            "distil": self.search.distil,
        }
        inputs = {"student": student, "measured": self.quantise(student, student, "ptq")}
        return Stage("slim", f"slim-{_name(student)}", settings | changes, inputs)

    def quantise(self, student: Stage, source: Stage, method: str, **changes: Any) -> Stage:
        """Declares the conversion of a student to int8.

        Args:
            student: The fit stage, whose teachers teach.
            source: The stage that wrote the weights.
            method: `ptq`: after training, or `qat`: by training.
            **changes: Settings of the stage other than the search's.
        """
        settings: dict[str, Any] = {
            "method": method,
            "head": "dense",
            "calibration_clips": self.search.calibration_clips,
            "calibration_seed": student.settings["seed"],
            "stratified": True,
            "epochs": 0,
        }
        if method == "qat":
            settings |= {
                "head": "convolution",
                "epochs": self.search.qat_epochs,
                "learning_rate": self.search.qat_learning_rate,
                "warm": True,
                "ranges": "trained",
                "distil": self.search.distil,
                "preserve_sparsity": False,
            }
        inputs = {"student": student, "source": source}
        return Stage("quantise", f"{method}-{_name(source)}", settings | changes, inputs)

    def score(self, student: Stage, source: Stage, clips: Sequence[str], file: str) -> Stage:
        """Declares the scoring of a stage's weights (.npz) or flatbuffer (.tflite).

        Args:
            student: The fit stage that says what the net reads.
            source: The stage that wrote the file.
            clips: Names of the clips to score.
            file: The file's name.
        """
        settings = {
            "clips": list(clips),
            "file": file,
            "streams": list(STREAMS_READ[student.settings["model"]]),
        }
        inputs = {"model": student, "source": source}
        kind = "int8" if file.endswith(".tflite") else "float"
        return Stage("score", f"score-{kind}-{_name(source)}", settings, inputs)


def _name(stage: Stage) -> str:
    """A stage's own name without the part of its inputs, short enough for a file system."""
    return stage.name[-80:].lstrip("-")
