"""A finished run in Python: its figures, its student, predictions, report and board projects."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np

from data_prep.errors import UserError
from data_prep.prepared_set import PreparedSet
from pskd_tf.data.features import resample_clip, sensor_features, window_samples
from pskd_tf.device.recognizer import RecognizerSettings, recognizer_settings
from pskd_tf.device.recordings import Recording
from pskd_tf.evaluation.scores import clip_probabilities
from pskd_tf.evaluation.tflm import Int8Interface, quantise_input, tflm_logits
from pskd_tf.export.boards.axis_map import AxisMap
from pskd_tf.export.boards.project import (
    RUNTIMES,
    board_project,
    check_project_folder,
    write_board_project,
)
from pskd_tf.export.boards.targets import BOARD_TARGETS
from pskd_tf.input_settings import InputSettings
from pskd_tf.models.registry import build_student, model_outputs
from pskd_tf.pipeline.shrink import fitted_arguments
from pskd_tf.pipeline.specs import FitSpec
from pskd_tf.pipeline.stage import load_weights
from pskd_tf.processes import start_tensorflow
from pskd_tf.reporting.report import write_report
from pskd_tf.run import Run
from pskd_tf.settings import RunSettings

Form = Literal["float", "pruned", "int8"]
FORMS = ("float", "pruned", "int8")
# Stamps that are off by more than this share of a step are interpolated.
_UNEVEN = 0.05


@dataclass(frozen=True)
class Prediction:
    """The classes of one recording.

    Attributes:
        class_names: `(classes,)` label of each output.
        probabilities: `(classes,)` float64, of the whole recording; they sum to 1.
        views: `(views, classes)` float64, of each window in turn; in clip mode the one view is
            the whole recording.
    """

    class_names: tuple[str, ...]
    probabilities: np.ndarray
    views: np.ndarray

    @property
    def label(self) -> str:
        """The most probable class."""
        return self.class_names[int(self.probabilities.argmax())]

    @property
    def confidence(self) -> float:
        """The probability of `label`, 0..1; it is not calibrated."""
        return float(self.probabilities.max())


@dataclass(frozen=True)
class FinishedRun:
    """A run of `pskd_tf.train`; `load_run` makes it.

    Attributes:
        files: The run's folder: stages, predictions of every model, manifest of the export.
    """

    files: Run

    @property
    def metrics(self) -> dict[str, Any]:
        """The content of `metrics.json`: every score as mean, standard deviation and values."""
        return self.files.metrics

    @property
    def settings(self) -> RunSettings:
        """The settings that the run was made with."""
        return self.files.settings

    @property
    def prepared(self) -> PreparedSet:
        """The prepared set that the run was trained and scored on."""
        return self.files.prepared

    @property
    def inputs(self) -> InputSettings:
        """How a recording becomes the student's input."""
        return self.files.export.manifest.inputs

    @property
    def class_names(self) -> tuple[str, ...]:
        """Label of each of the student's outputs."""
        return self.files.export.manifest.class_names

    @property
    def test_clips(self) -> tuple[str, ...]:
        """Names of the clips that the exported student was not trained on."""
        return self.files.export.test_clips

    @property
    def tflite(self) -> bytes:
        """The exported student: an int8 flatbuffer."""
        return self.files.export.tflite

    @cached_property
    def student(self) -> keras.Model:
        """The exported student before pruning and quantisation, with its trained weights.

        It maps `(batch, steps, 1, channels)` in g to `logits` `(batch, classes)` and `embedding`.
        """
        return self._keras_student("float")

    @cached_property
    def pruned_student(self) -> keras.Model:
        """The exported student after pruning, in float; shapes as those of `student`."""
        return self._keras_student("pruned")

    def _keras_student(self, form: str) -> keras.Model:
        stages = self.files.exported_stages
        if not stages:
            rule = "The student's weights lie in the run's stages (stages_dir)"
            raise UserError(rule, "none of the exported student", self.files.stages_dir)
        model = build_student(keras, **fitted_arguments(stages["float"].spec(FitSpec)))
        model.set_weights(load_weights(stages[form].folder / "weights.npz"))
        return model

    def predict(
        self,
        recording: str | Path | np.ndarray | Sequence[Sequence[float]],
        *,
        rate_hz: float | None = None,
        form: Form = "int8",
    ) -> Prediction:
        """Classifies one recording, preprocessed as on the device.

        A student of clip mode takes the recording for one movement from its start to its end. One
        of window mode reads it window by window, and `inputs.window_score` combines the windows.
        What the C core decides about a stream, with its threshold: `python -m pskd_tf.simulate`.

        Args:
            recording: A CSV file with the header `time_seconds,x,y,z`, or samples `(samples, 3)`;
                acceleration at the wrist in g, along the axes of the training data. Of a run with a
                gyroscope (`--sensors`) `time_seconds,x,y,z,rate_x,rate_y,rate_z` or
                `(samples, 6)`: turn rates in degrees per second behind it.
            rate_hz: Sampling rate of samples in Hz, which window mode needs; that of a file
                follows from its time stamps.
            form: `int8` runs the exported model in TensorFlow Lite Micro's interpreter, `float`
                and `pruned` run the Keras student.

        Returns:
            The class names with their probabilities.

        Raises:
            UserError: The recording is not of this form or is not finite, or the Keras weights are
                not there.
        """
        if form not in FORMS:
            raise UserError(f"form must be one of {', '.join(FORMS)}", repr(form))
        path = recording if isinstance(recording, str | Path) else None
        if isinstance(recording, str | Path):
            read = Recording.read(recording)
            samples = read.samples
            if self.inputs.mode == "window":
                samples, rate_hz = _even_samples(read, recording)
        else:
            samples = np.asarray(recording, np.float32)
        axes = self.inputs.num_axes
        if samples.ndim != 2 or samples.shape[1] != axes or len(samples) < 2:
            rule = f"A recording is (samples, {axes}), at least 2 samples"
            raise UserError(rule, samples.shape, path)
        if not np.isfinite(samples).all():
            raise UserError("Every sample must be finite", "NaN or infinity", path)
        logits = self._logits(self._views(samples, rate_hz), form)
        rows = np.arange(len(logits))
        views = clip_probabilities(logits, rows, len(logits), "mean")
        rule = self.inputs.window_score
        together = clip_probabilities(logits, np.zeros_like(rows), 1, rule)[0]
        return Prediction(self.class_names, together / together.sum(), views)

    def _views(self, samples: np.ndarray, rate_hz: float | None) -> np.ndarray:
        """Returns the model's input, `(views, steps, 1, channels)` in g."""
        parts = samples[None]
        if self.inputs.mode == "window":
            if rate_hz is None or rate_hz <= 0:
                raise UserError("Window mode needs the rate of the samples (rate_hz)", rate_hz)
            parts = window_samples(samples, rate_hz, self.inputs).samples
        resampled = np.stack([resample_clip(part, self.inputs.steps) for part in parts])
        return sensor_features(resampled, self.inputs.gravity_taps)[:, :, None]

    def _logits(self, views: np.ndarray, form: str) -> np.ndarray:
        if form != "int8":
            model = self.student if form == "float" else self.pruned_student
            return model_outputs(model, {"accelerometer": views})["logits"]
        interface = Int8Interface.read(self.tflite)
        quantised = quantise_input(views, interface.input_scale, interface.input_zero_point)
        return tflm_logits(self.tflite, quantised)[1]

    def report(self) -> Path:
        """Writes `report.html` and `model_card.md` into the run's folder.

        Returns:
            The path of `report.html`, one file that needs no network.

        Raises:
            UserError: A stage or the prepared set of the run is not there.
        """
        return write_report(self.files.run_dir, self.files.stages_dir, self.files.prepared_dir)

    def export(
        self,
        target: str,
        folder: str | Path,
        *,
        runtime: str | None = None,
        axes: str = "+x,+y,+z",
        threshold: float | None = None,
    ) -> Path:
        """Writes a whole project for a board, as `python -m pskd_tf.export` does.

        Args:
            target: `arduino`, `platformio`, `esp_idf`, `zephyr`, `stm32` or `cmake`.
            folder: A new or an empty folder; its name is the project's.
            runtime: `tflm` or `plain_c`; by default the target's own.
            axes: For x, y, z of the wrist in training, the sensor's axis and sign.
            threshold: Probability below which the board says unknown, 0..1; by default what was
                chosen for the run, if anything was.

        Returns:
            The project's folder.

        Raises:
            UserError: There is no such target or runtime, the folder holds something, its name
                is none that a build tool takes, or the run's export was changed.
        """
        if target not in BOARD_TARGETS:
            raise UserError(f"target must be one of {', '.join(BOARD_TARGETS)}", repr(target))
        runtime = runtime or BOARD_TARGETS[target].default_runtime
        if runtime not in RUNTIMES:
            raise UserError(f"runtime must be one of {', '.join(RUNTIMES)}", repr(runtime))
        folder = Path(folder)
        check_project_folder(folder)
        settings = recognizer_settings(self.files.run_dir)
        if threshold is not None:
            settings = replace(settings, threshold=threshold)
        files = board_project(
            self.files.run_dir,
            BOARD_TARGETS[target],
            folder.absolute().name,
            runtime=runtime,
            axes=AxisMap.parse(axes),
            settings=settings,
        )
        write_board_project(folder, files)
        return folder


def load_run(
    run_dir: str | Path,
    stages_dir: str | Path | None = None,
    prepared_dir: str | Path | None = None,
) -> FinishedRun:
    """Opens a finished run of `pskd_tf.train`; its models are read when they are first used.

    Args:
        run_dir: The run's folder.
        stages_dir: Where its stages lie; `run_dir/stages` if None.
        prepared_dir: Where its prepared set lies; `run_dir/prepared` if None.

    Returns:
        The run.

    Raises:
        UserError: The run is not finished, or its flatbuffer is not the one that it exported.

    Examples:
        >>> import pskd_tf  # doctest: +SKIP
        >>> run = pskd_tf.load_run("runs/demo")  # doctest: +SKIP
        >>> print(run.metrics["student"]["int8"]["accuracy"]["mean"])  # doctest: +SKIP
        >>> print(run.predict("movement.csv").label)  # doctest: +SKIP
        >>> run.export("arduino", "my_wrist")  # doctest: +SKIP
    """
    # With as many threads as the run had, models put out the same bits and so the same report.
    start_tensorflow()
    run = FinishedRun(Run.load(run_dir, stages_dir, prepared_dir))
    _ = run.metrics, run.settings, run.tflite  # so that an error names a missing file at once
    return run


def _even_samples(recording: Recording, path: str | Path) -> tuple[np.ndarray, float]:
    """Returns samples and their rate in Hz; samples at uneven times are interpolated."""
    times = recording.times - recording.times[0]
    steps = np.diff(times)
    step = float(np.median(steps)) if len(steps) else 0.0
    if step <= 0:
        raise UserError("Time stamps must advance", f"a median step of {step:g} s", path)
    longest = RecognizerSettings().maximum_gap_seconds
    if steps.max() > max(longest, 2 * step):
        rule = f"A recording must have no gap of more than {longest:g} s"
        raise UserError(rule, f"{steps.max():.3g} s", path)
    rate_hz = round(1 / step, 6)
    even = np.arange(int(times[-1] * rate_hz + 0.5) + 1) / rate_hz
    if len(even) == len(times) and np.abs(even - times).max() <= _UNEVEN * step:
        return recording.samples, rate_hz
    columns = [np.interp(even, times, column) for column in recording.samples.T]
    return np.stack(columns, axis=1).astype(np.float32), rate_hz
