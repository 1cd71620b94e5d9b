"""Specifications of what scores a model: on clips, and in streams."""

from dataclasses import dataclass
from typing import ClassVar

from pskd_tf.pipeline.specs.stage_spec import FLATBUFFERS, NETS, SCORING, StageSpec

FORM_FILES = {"float": "weights.npz", "int8": "student_int8.tflite"}


@dataclass(frozen=True)
class ScoreSpec(StageSpec):
    """A model scored on held-out clips.

    Attributes:
        model: Key of the fit stage with the architecture and the inputs of the net.
        source: Key of the stage that wrote the weights or the flatbuffer.
        clips: Names of the clips.
        form: `float`: weights in Keras, or `int8`: a flatbuffer in TensorFlow Lite Micro.
    """

    kind: ClassVar[str] = "score"
    version: ClassVar[int] = 2
    relies_on: ClassVar[tuple[str, ...]] = SCORING

    model: str
    source: str
    clips: tuple[str, ...]
    form: str

    @property
    def packages(self) -> tuple[str, ...]:
        """Names of the packages whose versions the scores depend on."""
        return (*self.relies_on, *(FLATBUFFERS if self.form == "int8" else NETS))

    @property
    def inputs(self) -> tuple[str, ...]:
        """Keys of the model and of the stage that wrote its file."""
        return (self.model, self.source)

    @property
    def file(self) -> str:
        """Name of the file that is read."""
        return FORM_FILES[self.form]


@dataclass(frozen=True)
class StreamScoreSpec(ScoreSpec):
    """A student run over streams of held-out clips and over idle streams.

    The fit stage of `model` also holds the detector.

    Attributes:
        hours: Hours of idle of each kind.
        seed: Seed of the streams.
    """

    kind: ClassVar[str] = "stream_score"
    version: ClassVar[int] = 2
    relies_on: ClassVar[tuple[str, ...]] = ("numpy", "scipy")

    hours: float
    seed: int = 0
