"""Specifications of what makes a trained student small: pruning, cutting, int8, and its check."""

from dataclasses import dataclass
from typing import ClassVar

from pskd_tf.compression.cost import BoardLimits
from pskd_tf.pipeline.specs.stage_spec import FLATBUFFERS, NETS, SCORING, TWINS, StageSpec
from pskd_tf.settings import CompressionSettings


@dataclass(frozen=True)
class CompressSpec(StageSpec):
    """A student pruned, fine-tuned, calibrated and converted to int8.

    Attributes:
        student: Key of the fit stage.
        settings: Pruning and calibration.
        distil: Whether the student's teachers go on teaching it.
    """

    kind: ClassVar[str] = "compress"
    version: ClassVar[int] = 3
    relies_on: ClassVar[tuple[str, ...]] = (*NETS, *TWINS, *FLATBUFFERS)

    student: str
    settings: CompressionSettings
    distil: bool = True

    @property
    def inputs(self) -> tuple[str, ...]:
        """Key of the student."""
        return (self.student,)

    @property
    def epochs(self) -> int:
        """Epochs of fine-tuning."""
        return self.settings.epochs


@dataclass(frozen=True)
class SlimSpec(StageSpec):
    """A student whose channels are cut to a board's limits.

    Attributes:
        student: Key of the fit stage.
        measured: Key of the quantise stage that measured the cost of the whole student.
        limits: What the board allows.
        cuts: Cuts on the way to the limits, each followed by a fine-tuning.
        importance: What channels are chosen by, see `channel_importance`.
        epochs_per_cut: Epochs of fine-tuning after each cut.
        learning_rate: Peak learning rate of the fine-tuning.
        distil: Whether the student's teachers go on teaching it.
    """

    kind: ClassVar[str] = "slim"
    version: ClassVar[int] = 2
    relies_on: ClassVar[tuple[str, ...]] = NETS

    student: str
    measured: str
    limits: BoardLimits
    cuts: int
    importance: str
    epochs_per_cut: int
    learning_rate: float
    distil: bool = True

    @property
    def inputs(self) -> tuple[str, ...]:
        """Keys of the student and of the stage that measured it."""
        return (self.student, self.measured)

    @property
    def epochs(self) -> int:
        """Epochs of fine-tuning after all cuts together."""
        return self.cuts * self.epochs_per_cut


@dataclass(frozen=True)
class QuantiseSpec(StageSpec):
    """A student converted to int8, after or by training, and measured.

    Attributes:
        student: Key of the fit stage with the teachers.
        source: Key of the stage whose weights are quantised.
        method: `ptq`: after training, or `qat`: by training.
        head: `dense` or `convolution`.
        calibration_clips: Training clips from which activation ranges are read.
        calibration_seed: Seed of their draw.
        stratified: Whether classes take turns in the draw.
        training_epochs: Epochs of quantisation-aware training; 0 for `ptq`.
        learning_rate: Learning rate of its first step.
        warm: Whether its activation ranges start at those of the calibration clips.
        ranges: `trained`, or `recalibrated` on the calibration clips after training.
        distil: Whether the student's teachers go on teaching it.
        preserve_sparsity: Whether weights that are zero stay zero.
    """

    kind: ClassVar[str] = "quantise"
    version: ClassVar[int] = 2
    relies_on: ClassVar[tuple[str, ...]] = (*NETS, *TWINS, *FLATBUFFERS)

    student: str
    source: str
    method: str
    calibration_clips: int
    calibration_seed: int
    head: str = "dense"
    stratified: bool = True
    training_epochs: int = 0
    learning_rate: float = 0.0
    warm: bool = True
    ranges: str = "trained"
    distil: bool = True
    preserve_sparsity: bool = False

    @property
    def inputs(self) -> tuple[str, ...]:
        """Keys of the student and of the weights."""
        return (self.student, self.source)

    @property
    def epochs(self) -> int:
        """Epochs of quantisation-aware training."""
        return self.training_epochs


@dataclass(frozen=True)
class CompareSpec(StageSpec):
    """A student in float, pruned and in int8, each scored on clips of its training part.

    Attributes:
        student: Key of the fit stage.
        compressed: Key of the stage that pruned and converted it.
        clips: Names of the clips.
    """

    kind: ClassVar[str] = "compare"
    version: ClassVar[int] = 1
    relies_on: ClassVar[tuple[str, ...]] = (*NETS, *SCORING, *FLATBUFFERS)

    student: str
    compressed: str
    clips: tuple[str, ...]

    @property
    def inputs(self) -> tuple[str, ...]:
        """Keys of the student and of what came of it."""
        return (self.student, self.compressed)
