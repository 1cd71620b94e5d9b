"""A run's student with its last layer fine-tuned for one wearer, and exported again."""

import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from data_prep.errors import UserError
from data_prep.files import file_sha256, whole_folder
from data_prep.prepared_set import PreparedSet
from pskd_tf.compression.convert import convert_to_int8, without_tails
from pskd_tf.data.clips import PairedClips
from pskd_tf.data.repetitions import LabelledSamples, Repetitions
from pskd_tf.data.views import draw_generator, random_views
from pskd_tf.device.recognizer import ExportedModel, RecognizerSettings
from pskd_tf.device.recordings import LabelledSpan, Recording
from pskd_tf.distillation.head import Head, HeadSamples, HeadSettings, fine_tuned_heads
from pskd_tf.export.plain_c.graph import read_graph
from pskd_tf.export.plain_c.operators import PlainLayer
from pskd_tf.export.student import export_student
from pskd_tf.exported import ExportManifest
from pskd_tf.models.registry import model_outputs
from pskd_tf.pipeline.shrink import calibration_views, fitted_arguments
from pskd_tf.pipeline.specs import CompressSpec, FitSpec
from pskd_tf.pipeline.stage import RunContext, load_weights
from pskd_tf.pipeline.teach import build_fit_model, training_clips
from pskd_tf.run import Run
from pskd_tf.run_records import read_result
from pskd_tf.runs.export_run import golden_samples, segment_limits
from pskd_tf.stage_record import StageRecord

# Epochs of the training data that the head is trained on besides.
_TRAINING_EPOCHS = 4


@dataclass(frozen=True)
class PrunedStudent:
    """The pruned student of a run, whose layers but the head stay as they are.

    Attributes:
        fit: The training that it comes from.
        compress: Its pruning and conversion.
        model: The Keras model with the pruned weights.
        clips: Its training clips, for a stream with their cuts.
        kept_percent: The share of the calibration's values that its conversion kept, in per cent.
    """

    fit: FitSpec
    compress: CompressSpec
    model: keras.Model
    clips: PairedClips
    kept_percent: float

    @staticmethod
    def load(fit: StageRecord, compressed: StageRecord, prepared_dir: Path) -> "PrunedStudent":
        """Reads the student of two finished stages.

        Args:
            fit: The stage that trained it.
            compressed: The stage that pruned it.
            prepared_dir: The prepared set.

        Returns:
            The student.

        Raises:
            UserError: A stage is of another kind, as of a student of `pskd_tf.compress`.
        """
        spec = fit.spec(FitSpec)
        context = RunContext(prepared_dir, fit.folder.parent, fit.folder.parent)
        clips = training_clips(spec, context)
        model = build_fit_model(spec, clips)
        if not isinstance(model.get_layer("logits"), keras.layers.Dense):
            rule = "A student needs a dense layer as its last one, to be fine-tuned for a wearer"
            raise UserError(rule, type(model.get_layer("logits")).__name__)
        model.set_weights(load_weights(compressed.folder / "weights.npz"))
        result = read_result(compressed.folder, compressed.kind)
        kept = result.get("calibration_kept_percent", 100.0)
        return PrunedStudent(spec, compressed.spec(CompressSpec), model, clips, kept)

    @property
    def head(self) -> Head:
        """The last layer."""
        return Head(*self.model.get_layer("logits").get_weights())

    def embeddings(self, views: np.ndarray) -> np.ndarray:
        """Returns `(views, width)` of views `(views, steps, 1, channels)` in g."""
        return model_outputs(self.model, {"accelerometer": views})["embedding"]

    def training_samples(self) -> HeadSamples:
        """Draws augmented views of the training data that have a label, as its training does."""
        spec = self.fit
        batch = spec.training.batch_of(self.clips.movements)
        steps = spec.training.steps_of_an_epoch(self.clips.movements)
        draws = [draw_generator(spec.seed, "head/rows", epoch) for epoch in range(_TRAINING_EPOCHS)]
        rows = np.concatenate(
            [self.clips.epoch_rows(batch, steps, generator).ravel() for generator in draws]
        )
        rows = rows[self.clips.is_labelled[rows]]
        views = random_views(
            self.clips,
            rows,
            {"accelerometer"},
            draw_generator(spec.seed, "head/views"),
            spec.data.inputs,
            spec.data.augmentation,
        )
        return HeadSamples(self.embeddings(views["accelerometer"]), self.clips.labels[rows])

    def own_samples(self, repetitions: Repetitions, views: int) -> np.ndarray:
        """Returns embeddings `(repetitions, views, width)` of augmented views."""
        generator, data = draw_generator(self.fit.seed, "head/own"), self.fit.data
        drawn = repetitions.views(views, generator, data.inputs, data.augmentation)
        return self.embeddings(drawn.reshape(-1, *drawn.shape[2:])).reshape(*drawn.shape[:2], -1)

    def fine_tuned(
        self,
        own: HeadSamples,
        training: HeadSamples,
        settings: HeadSettings,
        epochs: Sequence[int] | None = None,
    ) -> list[Head]:
        """Returns `fine_tuned_heads` under the label smoothing of the student's training."""
        smoothing, none = self.fit.loss.label_smoothing, self.fit.null_class
        return fine_tuned_heads(self.head, own, training, settings, smoothing, none, epochs)

    def converted(self, head: Head, folder: Path) -> bytes:
        """Quantises the student with another head, on the calibration of its run.

        Args:
            head: The head.
            folder: Where `calibration.csv` goes.

        Returns:
            The flatbuffer.

        Raises:
            UserError: What `convert_to_int8` refuses.
        """
        calibration = calibration_views(
            self.clips,
            self.fit.data.inputs,
            self.compress.settings.calibration_clips,
            self.fit.seed,
            folder,
        )
        if self.kept_percent < 100.0:
            calibration = without_tails(calibration, self.kept_percent)
        own = self.model.get_layer("logits").get_weights()
        self.model.get_layer("logits").set_weights([head.kernel, head.bias])
        weights = self.model.get_weights()
        self.model.get_layer("logits").set_weights(own)
        return convert_to_int8(weights, fitted_arguments(self.fit), calibration)


@dataclass(frozen=True)
class OwnRecording:
    """A wearer's recording and its labels, as files.

    Attributes:
        csv: The recording.
        labels: What is labelled in it.
    """

    csv: Path
    labels: Path

    def read(self, model: ExportedModel, rate_hz: float) -> LabelledSamples:
        """Reads both files and interpolates the recording at even times.

        Args:
            model: The export, whose labels it must use.
            rate_hz: Rate of the training clips.

        Returns:
            The recording.

        Raises:
            UserError: A file is not of its form; a sample is not finite; a labelled span is not
                within the recording, or the signal was lost in it.
        """
        recording = Recording.read(self.csv)
        spans = LabelledSpan.read_all(self.labels, model)
        if not spans:
            raise UserError("labels must hold at least one repetition", "none", self.labels)
        times = recording.times
        if not np.isfinite(recording.samples).all():
            raise UserError("Every sample must be finite", "NaN or infinity", self.csv)
        longest = max(RecognizerSettings().maximum_gap_seconds, 2 / rate_hz)
        gaps = np.flatnonzero(np.diff(times) > longest)
        for span in spans:
            where = f"{span.label} at {span.start:g} s"
            if not times[0] <= span.start < span.end <= times[-1] + 1 / rate_hz:
                received = f"{where}, {times[0]:g} to {times[-1]:g} s recorded"
                raise UserError("A span must be within the recording", received, self.labels)
            if ((times[gaps] < span.end) & (times[gaps + 1] > span.start)).any():
                rule = f"A repetition must have no gap of more than {longest:g} s"
                raise UserError(rule, where, self.csv)
        even = np.arange(times[0], times[-1] + 0.5 / rate_hz, 1 / rate_hz)
        samples = np.stack([np.interp(even, times, one) for one in recording.samples.T], axis=1)
        names = {name: number for number, name in enumerate(model.class_names)}
        first = np.round([(span.start - times[0]) * rate_hz for span in spans])
        last = np.round([(span.end - times[0]) * rate_hz for span in spans])
        borders = np.stack([first, np.minimum(last, len(even))], axis=1).astype(int)
        short = np.flatnonzero(borders[:, 1] - borders[:, 0] < 2)
        if len(short):
            received = f"{spans[short[0]].label} at {spans[short[0]].start:g} s"
            raise UserError("A repetition must have at least 2 samples", received, self.labels)
        labels = np.array([names[span.label] for span in spans])
        return LabelledSamples(samples.astype(np.float32), np.column_stack([borders, labels]))


@dataclass(frozen=True)
class Personalised:
    """What came of a personalisation.

    Attributes:
        manifest: Of the new export.
        repetitions: By class, how many were recorded.
        cuts: By class, how often the detector cut them; None for a student of clips.
    """

    manifest: ExportManifest
    repetitions: Mapping[str, int]
    cuts: Mapping[str, int] | None


def check_out(out: Path) -> None:
    """Raises `UserError` unless `out` is a new or an empty folder."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError("out must be a new or an empty folder", "one with files in it", out)


def personalise(
    run: Run, recordings: Sequence[OwnRecording], out: Path, settings: HeadSettings
) -> Personalised:
    """Fine-tunes the head of a run's student for one wearer and exports it again.

    All layers but the last one keep their bytes, in the flatbuffer as in the plain C.

    Args:
        run: The run, which is not changed.
        recordings: The wearer's.
        out: A new or an empty folder; it gets `export` and, where something was chosen for the
            run, `recognizer.json`.
        settings: How the head is trained.

    Returns:
        What was recorded, and the manifest of the export.

    Raises:
        UserError: A file is wrong, a stage of the run is missing, or the conversion does not give
            the bytes of the run's other layers.
    """
    check_out(out)
    base, exported = run.export, ExportedModel.of(run.export)
    manifest, stages = base.manifest, run.exported_stages
    read = [one.read(exported, manifest.clip_rate_hz) for one in recordings]
    if not stages:
        rule = "The student's weights lie in the run's stages (--stages_dir)"
        raise UserError(rule, "none of the exported student", run.stages_dir)
    prepared = PreparedSet.load(run.prepared_dir)
    if prepared.fingerprint != base.dataset_fingerprint:
        raise UserError("The prepared set must be the run's", prepared.fingerprint, prepared.folder)
    student = PrunedStudent.load(stages["float"], stages["pruned"], run.prepared_dir)
    generator = draw_generator(student.fit.seed, "head/cuts")
    # In window mode views are windows of a repetition, which needs no cuts.
    detector = student.fit.stream if manifest.inputs.mode == "clip" else None
    own = Repetitions.of(read, manifest.clip_rate_hz, detector, generator)
    embeddings = student.own_samples(own, settings.views)
    samples = HeadSamples(
        embeddings.reshape(-1, embeddings.shape[-1]), np.repeat(own.labels, settings.views)
    )
    (head,) = student.fine_tuned(samples, student.training_samples(), settings)
    lengths = PairedClips.load_clips(prepared, student.fit.part.clips).accelerometer_lengths
    with whole_folder(out) as temporary:
        tflite = student.converted(head, temporary)
        (temporary / "calibration.csv").unlink()
        _check_other_layers(base.tflite, tflite)
        new = export_student(
            temporary / "export",
            tflite,
            input_settings=manifest.inputs,
            class_names=manifest.class_names,
            segment_limits=segment_limits(run.settings, lengths),
            clip_rate_hz=manifest.clip_rate_hz,
            golden_clips=golden_samples(prepared, manifest.golden_clips, manifest.inputs),
            provenance={
                **manifest.provenance,
                "personalised": _provenance(base.sha256, recordings, settings),
            },
            stream=manifest.stream,
        )
        chosen = run.run_dir / "recognizer.json"
        if chosen.exists():
            shutil.copyfile(chosen, temporary / chosen.name)
    names = manifest.class_names
    counts = Counter(names[label] for label in own.labels)
    cuts: Counter[str] = Counter()
    for label, rows in zip(own.labels, own.cuts_of, strict=True):
        cuts[names[label]] += len(rows)
    return Personalised(new, counts, cuts if detector is not None else None)


def _provenance(
    base_sha256: str, recordings: Sequence[OwnRecording], settings: HeadSettings
) -> dict[str, Any]:
    return {
        "base_manifest_sha256": base_sha256,
        "recordings_sha256": [file_sha256(one.csv) for one in recordings],
        "labels_sha256": [file_sha256(one.labels) for one in recordings],
        "settings": asdict(settings),
    }


def other_layers(tflite: bytes) -> list[PlainLayer]:
    """Returns the layers of a student but the last one, its head."""
    return list(read_graph(tflite).layers[:-1])


def _check_other_layers(before: bytes, after: bytes) -> None:
    pairs = zip(other_layers(before), other_layers(after), strict=True)
    for number, (one, other) in enumerate(pairs):
        same = one.fields == other.fields and one.arrays.keys() == other.arrays.keys()
        if not same or any((one.arrays[name] != other.arrays[name]).any() for name in one.arrays):
            rule = (
                "The conversion must give the bytes of the run's layers; train the run again with "
                "the installed versions"
            )
            raise UserError(rule, f"other bytes in layer {number}, {one.operator}")
