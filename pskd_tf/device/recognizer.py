"""The recogniser: its settings, its decisions and the exported model that it runs."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.errors import UserError
from data_prep.files import whole_file
from data_prep.records import read_record
from data_prep.settings import setting, setting_like
from pskd_tf.exported import Export
from pskd_tf.run import Run
from pskd_tf.run_records import optional_file, publish
from pskd_tf.stream_settings import DetectorSettings


@dataclass(frozen=True)
class RecognizerSettings(DetectorSettings):
    """What `PskdRecognizerSettings` holds. The defaults are ours; those of clip mode find every
    clip of the synthetic set between stretches of rest, once (50 Hz).
    """

    threshold: float = setting(
        0.5,
        'Score below which the activity is unknown: its probability, or, with a class "none", 1 '
        "minus the probability of that one.",
        minimum=0,
        maximum=1,
    )
    class_floor: float = setting(
        0.0,
        'With a class "none": share of the score that the activity itself must have; 0 for any.',
        minimum=0,
        maximum=1,
    )
    leave_share: float = setting(
        0.8,
        "An activity ends below this share of the threshold.",
        minimum=0,
        maximum=1,
        flag=False,
    )
    adapt_most: float = setting(
        0.0,
        "Largest rise of the threshold above its value, on the device; 0 for a constant threshold.",
        minimum=0,
        maximum=1,
        later=True,
    )
    adapt_rise: float = setting(
        0.02,
        "By how much each activity that is said raises the threshold.",
        minimum=0,
        maximum=1,
        later=True,
    )
    adapt_decisions_an_hour: float = setting(
        120.0,
        "Activities said in an hour at which rise and fall of the threshold are equal; with fewer "
        "it falls back.",
        above=0,
        later=True,
    )
    smoothing: float = setting(0.5, "Window mode: weight of the newest window.", above=0, maximum=1)
    minimum_windows: int = setting(
        1, "Window mode: windows in a row that must agree.", minimum=1, maximum=10**9
    )
    maximum_gap_seconds: float = setting(
        0.2,
        "Longest time between samples that is no lost signal.",
        unit="s",
        above=0,
        maximum=2000,
    )
    maximum_same: int = setting(
        100,
        "Equal samples in a row, on any axis, that are no lost signal; 0 for any number.",
        minimum=0,
        maximum=10**9,
    )
    # The detector of models that were trained on clips alone.
    start_g: float = setting_like(DetectorSettings, "start_g", 0.15)
    start_noise: float = setting_like(DetectorSettings, "start_noise", 0.0)
    end_noise: float = setting_like(DetectorSettings, "end_noise", 0.0)
    gravity_weight: float = setting_like(DetectorSettings, "gravity_weight", 0.1)
    lead_samples: int = setting_like(DetectorSettings, "lead_samples", 5)
    rest_samples: int = setting_like(DetectorSettings, "rest_samples", 15)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.threshold + self.adapt_most > 1:
            rule = "threshold + adapt_most must be at most 1"
            raise UserError(rule, f"{self.threshold} + {self.adapt_most}")

    @property
    def fall_per_us(self) -> float:
        """By how much an adapted threshold falls in a microsecond."""
        return self.adapt_rise * self.adapt_decisions_an_hour / 3.6e9

    @property
    def decides_alone(self) -> bool:
        """Whether in window mode a decision depends on its own window alone."""
        return self.smoothing == 1 and self.minimum_windows == 1 and self.leave_share == 1

    @staticmethod
    def of(detector: DetectorSettings, mode: str = "clip") -> "RecognizerSettings":
        """Returns the defaults of a model that was trained for streams.

        Args:
            detector: The detector of the training.
            mode: `clip`, or `window`, in which each window decides alone: the training and the
                choice of the threshold know windows by themselves.
        """
        settings = dataclasses.replace(RecognizerSettings(), **dataclasses.asdict(detector))
        if mode == "clip":
            return settings
        return dataclasses.replace(settings, smoothing=1.0, leave_share=1.0)


_NAME = "recognizer.json"


@dataclasses.dataclass(frozen=True)
class ChosenSettings:
    """Settings with their grounds.

    Attributes:
        settings: The recognizer's.
        made_by: JSON values: the bound, the recordings, the figures they reached.
    """

    settings: RecognizerSettings
    made_by: dict[str, Any]

    def write(self, run_dir: str | Path) -> Path:
        """Writes the file; an older one is replaced.

        Args:
            run_dir: The run that the settings are for.

        Returns:
            The file.
        """
        path = Path(run_dir) / _NAME
        with whole_file(path) as temporary:
            text = json.dumps(dataclasses.asdict(self), indent=2, allow_nan=False)
            temporary.write_text(f"{text}\n", encoding="utf-8")
        publish(path.parent, [_NAME])
        return path

    @classmethod
    def read(cls, run_dir: str | Path) -> "ChosenSettings | None":
        """Reads the file.

        Args:
            run_dir: The run.

        Returns:
            What was chosen; None if nothing was.

        Raises:
            UserError: The file holds something else.
        """
        path = optional_file(Path(run_dir), _NAME, "simulate --choose_threshold makes it again")
        if path is None:
            return None
        try:
            return read_record(cls, path)
        except UserError as error:
            rule = f"{_NAME} must be what --choose_threshold wrote"
            raise UserError(rule, error.reason, path) from error


def recognizer_settings(run_dir: str | Path, *, chosen: bool = True) -> RecognizerSettings:
    """Returns the settings of a run's recogniser: what was chosen for it, else the defaults.

    The defaults of a model that was trained for streams are those of `RecognizerSettings.of`.

    Args:
        run_dir: A run of pskd_tf.train.
        chosen: Whether what was chosen counts; else the defaults.

    Raises:
        UserError: The export or the chosen settings are not of this version.
    """
    kept = ChosenSettings.read(run_dir) if chosen else None
    if kept is not None:
        return kept.settings
    manifest = Run.load(run_dir).export.manifest
    if manifest.stream is None:
        return RecognizerSettings()
    return RecognizerSettings.of(manifest.stream.detector, manifest.inputs.mode)


UNKNOWN, NO_SIGNAL = -1, -2


@dataclass(frozen=True)
class Decision:
    """One inference, or the loss of the signal.

    Attributes:
        index: The sample at which it came.
        span: First and last sample of the movement, in clip mode; else None.
        start: Start of the movement or window, in seconds.
        end: Its end.
        decided: Time of the decision, in seconds.
        activity: A class's index, `UNKNOWN` or `NO_SIGNAL`.
        best: The class of the largest output, "none" included; -1 without signal.
        confidence: The score that is compared with the threshold: 1 minus the probability of
            "none" where the model has it, else the probability of `activity`, or of `best` if that
            is unknown. 0 without signal, NaN where the input was not finite.
        output: `(num_classes,)` int8 logits; None without signal.
        goes_on: Whether the movement was cut at the longest length and goes on after `index`.
    """

    index: int
    span: tuple[int, int] | None
    start: float
    end: float
    decided: float
    activity: int
    best: int
    confidence: float
    output: np.ndarray | None
    goes_on: bool = False


# What is compiled.
MODEL_FILES = ("model_settings.h", "plain_model.h", "plain_model.c")


@dataclass(frozen=True)
class ExportedModel:
    """The export of a run.

    Attributes:
        folder: Where its files lie.
        class_names: Label of each class that can be said, without "none".
        clip_mode: Whether it takes whole movements; else windows.
        window_seconds: From the first to the last sample of a window; 0 in clip mode.
        test_clips: Names of the clips held out in training.
        dataset_fingerprint: Fingerprint of the prepared set of its training.
        null_class: The output for "none", which is the last one; None where the model has none.
        num_axes: Values of a sample, three, or six with a gyroscope.
    """

    folder: Path
    class_names: tuple[str, ...]
    clip_mode: bool
    window_seconds: float
    test_clips: tuple[str, ...] = ()
    dataset_fingerprint: str = ""
    null_class: int | None = None
    num_axes: int = 3

    @classmethod
    def read(cls, run_dir: str | Path) -> "ExportedModel":
        """Reads a run's export.

        Args:
            run_dir: A finished run of pskd_tf.train.

        Returns:
            The export.

        Raises:
            UserError: There is none, it has no plain C, or a file is not the one it was made with.
        """
        return cls.of(Run.load(run_dir).export)

    @classmethod
    def of(cls, export: Export) -> "ExportedModel":
        """Takes what the recognizer needs from an export.

        Args:
            export: The export.

        Returns:
            The model.

        Raises:
            UserError: It has no plain C, or a file is not the one it was made with.
        """
        for name in MODEL_FILES:
            export.file(name)
        inputs = export.manifest.inputs
        return cls(
            export.folder,
            export.manifest.class_names[: export.manifest.null_class],
            inputs.mode == "clip",
            0.0 if inputs.mode == "clip" else (inputs.steps - 1) / inputs.window_rate_hz,
            export.test_clips,
            export.dataset_fingerprint,
            export.manifest.null_class,
            inputs.num_axes,
        )

    def label_of(self, activity: int) -> str:
        """Returns the name of a decision: a class, "unknown" or "no signal"."""
        faults = {UNKNOWN: "unknown", NO_SIGNAL: "no signal"}
        return faults[activity] if activity in faults else self.class_names[activity]
