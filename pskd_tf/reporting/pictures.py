"""Pictures of teacher selection by ACS (our reconstruction) and of the teachers' calibration."""

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from keras import ops
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy.optimize import minimize_scalar
from scipy.special import log_softmax

from data_prep.csv_cells import write_table
from data_prep.errors import UserError
from data_prep.files import whole_file
from data_prep.records import read_arrays
from pskd_tf.data.clips import PairedClips
from pskd_tf.distillation.losses.acs import teacher_confidence
from pskd_tf.pipeline.specs import FitSpec, ScoreSpec
from pskd_tf.pipeline.teacher_columns import given_columns
from pskd_tf.reporting.charts import colour_of
from pskd_tf.reporting.replay import teacher_selection_by_class
from pskd_tf.reporting.scored_models import training_group
from pskd_tf.reporting.tables import words
from pskd_tf.run import Run


def cached_logits(run: Run, kind: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Reads the teacher outputs that the student of the first fold and seed was trained with.

    Args:
        run: The run.
        kind: Kind of the teachers' outputs.

    Returns:
        For each teacher the logits `(clips, classes)` of every training clip that it can see, and
        their labels `(clips,)`. Empty for live teachers, whose outputs are not kept.
    """
    score = run.scores(f"students/{kind}/{run.first_seed}")[0]
    fit = run.stage(score.spec(ScoreSpec).model).spec(FitSpec)
    if fit.cached is None:
        return {}
    clips = PairedClips.load_clips(run.prepared, fit.part.clips)
    source = run.stage(fit.cached).folder / "outputs.npz"
    given = given_columns(read_arrays(source), clips, fit.teachers)
    found = {}
    for name in fit.teachers:
        seen = (given.get(f"{name}_available", np.ones(len(clips))) > 0) & clips.is_labelled
        found[name] = given[f"{name}_logits"][seen], clips.labels[seen]
    return found


_COLDEST, _HOTTEST = 0.05, 20.0


@dataclass(frozen=True)
class Calibration:
    """How well a teacher's probabilities fit.

    Attributes:
        accuracy: Share of clips that it classifies correctly, 0..1.
        confidence: Mean probability of the predicted class, 0..1.
        loss: Mean cross-entropy, in nats.
        temperature: T above 0 that lowers the mean cross-entropy of `softmax(logits / T)` most.
        calibrated_loss: Mean cross-entropy at that T, in nats.
    """

    accuracy: float
    confidence: float
    loss: float
    temperature: float
    calibrated_loss: float


def calibration(logits: np.ndarray, labels: np.ndarray) -> Calibration:
    """Fits the temperature to outputs on clips that the teacher did not train on.

    Args:
        logits: `(clips, classes)`.
        labels: `(clips,)` class indices.

    Returns:
        The figures. T is searched between 0.05 and 20. Source: temperature scaling, Guo et al.,
        ICML 2017.
    """
    logits = np.asarray(logits, float)
    rows = np.arange(len(labels))

    def loss(log_temperature: float) -> float:
        scaled = logits / np.exp(log_temperature)
        return float(-log_softmax(scaled, axis=1)[rows, labels].mean())

    found = minimize_scalar(loss, bounds=np.log([_COLDEST, _HOTTEST]), method="bounded")
    return Calibration(
        accuracy=float((logits.argmax(axis=1) == labels).mean()),
        confidence=float(np.exp(log_softmax(logits, axis=1).max(axis=1)).mean()),
        loss=loss(0.0),
        temperature=float(np.exp(found.x)),
        calibrated_loss=float(found.fun),
    )


def class_accuracies(run: Run, what: str, seeds: Sequence[int]) -> np.ndarray:
    """Averages a model's accuracies over seeds; folds are pooled.

    Args:
        run: The run.
        what: `teachers/<name>`, `students/<kind>`, `baseline`, `pruned` or `int8`.
        seeds: The seeds that it was trained with.

    Returns:
        `(classes,)`, in 0..1; NaN for a class without a held-out clip.
    """
    count = len(run.class_names)
    rates = []
    for seed in seeds:
        part = run.predictions(f"{what}/{seed}")
        clips = np.bincount(part.labels, minlength=count)
        right = np.bincount(part.labels, weights=part.right, minlength=count)
        rates.append(np.where(clips > 0, right / np.maximum(clips, 1), np.nan))
    return np.asarray(np.mean(rates, axis=0))


def epoch_means(run: Run, kind: str, columns: Sequence[str]) -> dict[str, np.ndarray]:
    """Averages what the trainings of a run's students recorded of each epoch.

    Args:
        run: The run.
        kind: Kind of the teachers' outputs.
        columns: Columns of `history.csv`.

    Returns:
        For each of the columns that every such history has its mean, `(epochs,)`.
    """
    tables = [
        stage.history
        for stage in run.stages
        if stage.kind == "fit" and training_group(run, stage) == f"students/{kind}"
    ]
    kept = [one for one in columns if tables and all(one in table for table in tables)]
    epochs = min((len(table) for table in tables), default=0)
    return {one: np.mean([table[one][:epochs] for table in tables], axis=0) for one in kept}


class Picture:
    """Panels that share their axes.

    Args:
        titles: One a panel.
        width: Width of a panel, in inches.
        height: Height of the picture, in inches.
    """

    def __init__(self, titles: list[str], width: float, height: float):
        size = (width * len(titles), height)
        self.figure = Figure(figsize=size, dpi=100, layout="constrained")
        FigureCanvasAgg(self.figure)
        panels = self.figure.subplots(1, len(titles), sharex=True, sharey=True, squeeze=False)
        self.panels: list[Axes] = list(panels[0])
        for axes, title in zip(self.panels, titles, strict=True):
            axes.set_title(title, fontsize=10)
            axes.spines[["top", "right"]].set_visible(False)

    def legend(self) -> None:
        """Puts the first panel's legend above all panels."""
        handles, labels = self.panels[0].get_legend_handles_labels()
        self.figure.legend(
            handles, labels, loc="outside upper center", ncols=5, fontsize=9, frameon=False
        )

    def save(self, path: Path) -> None:
        """Writes the PNG, whole.

        Args:
            path: The file.

        Raises:
            UserError: It cannot be written.
        """
        try:
            with whole_file(path) as temporary:
                self.figure.savefig(temporary, format="png", metadata={"Software": None})
        except OSError as error:
            raise UserError("out must be a writable folder", error.strerror, path) from error


def teacher_confidences(run: Run, kind: str) -> dict[str, np.ndarray]:
    """Returns the confidence that ACS chooses by, of the first fold's and first seed's student.

    Args:
        run: The run.
        kind: Kind of the teachers' outputs.

    Returns:
        For each teacher the confidence on every training clip that it can see, `(clips,)`: its
        probability of the true class, 0 where another class is more probable. Empty for live
        teachers, whose outputs are not kept.
    """
    confidences = {}
    for name, (logits, labels) in cached_logits(run, kind).items():
        logits = ops.convert_to_tensor(logits[:, None], "float32")
        confidence = teacher_confidence(ops.convert_to_tensor(labels), logits)
        confidences[name] = ops.convert_to_numpy(confidence)[:, 0]
    return confidences


PICTURES = (
    "followed_by_epoch",
    "followed_by_class",
    "agreement",
    "teacher_confidence",
    "gap_by_class",
)

TABLE = "teacher_calibration"

_AROUND = 9  # epochs; odd
# By kind of teacher outputs, then by teacher or column of the history.
_ByKind = Mapping[str, Mapping[str, np.ndarray]]


def write_pictures(run: Run, folder: Path) -> list[Path]:
    """Writes the PNGs that the run has data for.

    Args:
        run: The run; it must have teachers.
        folder: Where to write, by the names in `PICTURES`, and the table `TABLE`.

    Returns:
        The files: by epoch the mean over seeds; by class and of the confidence the first seed;
        the gap of held-out clips, mean over seeds.
    """
    teachers = list(run.settings.teachers)
    kinds = list(run.settings.teacher_outputs)
    targets = [*teachers, "ground_truth"]
    folder.mkdir(parents=True, exist_ok=True)
    followed = {
        kind: epoch_means(run, kind, [f"followed_{one}" for one in targets]) for kind in kinds
    }
    agreement = {
        kind: epoch_means(run, kind, [f"agreement_{one}" for one in teachers]) for kind in kinds
    }
    replayed = {kind: teacher_selection_by_class(run, kind) for kind in kinds}
    confidences = {kind: teacher_confidences(run, kind) for kind in kinds}
    pictures = (
        _followed_by_epoch({kind: one for kind, one in followed.items() if one}, targets),
        _followed_by_class(run, {kind: one for kind, one in replayed.items() if one}, targets),
        _agreement(run, {kind: one for kind, one in agreement.items() if one}, teachers),
        _confidence({kind: one for kind, one in confidences.items() if one}, teachers),
        _gap(run, teachers, kinds[0]),
    )
    written = []
    for name, picture in zip(PICTURES, pictures, strict=True):
        if picture is not None:
            picture.save(folder / f"{name}.png")
            written.append(folder / f"{name}.png")
    table = _calibrations(run, kinds)
    if len(table):
        write_table(folder / f"{TABLE}.csv", table, float_format="%.4f")
        written.append(folder / f"{TABLE}.csv")
    return written


def _calibrations(run: Run, kinds: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {"teacher_outputs": kind, "teacher": name, **dataclasses.asdict(calibration(*outputs))}
        for kind in kinds
        for name, outputs in cached_logits(run, kind).items()
    )


def _titles(kinds: Iterable[str]) -> list[str]:
    return [f"{words(kind)} teachers" for kind in kinds]


def _followed_by_epoch(shares: _ByKind, targets: list[str]) -> Picture | None:
    if not shares:
        return None
    picture = Picture(_titles(shares), 3.6, 3.2)
    for axes, by_column in zip(picture.panels, shares.values(), strict=True):
        heights = 100 * np.stack([by_column[f"followed_{one}"] for one in targets])
        epochs = np.arange(1, heights.shape[1] + 1)
        colours = [colour_of(one) for one in targets]
        axes.stackplot(epochs, heights, colors=colours, labels=[words(one) for one in targets])
        axes.set(xlim=(1, max(2, epochs[-1])), ylim=(0, 100), xlabel="epoch")
    picture.panels[0].set_ylabel("share of samples by target, %")
    picture.legend()
    return picture


def _followed_by_class(run: Run, shares: _ByKind, targets: list[str]) -> Picture | None:
    if not shares:
        return None
    kept = np.flatnonzero(~np.isnan(next(iter(shares.values()))["ground_truth"]))
    picture = Picture(_titles(shares), 3.2, 1.2 + 0.19 * len(kept))
    for axes, by_target in zip(picture.panels, shares.values(), strict=True):
        start = np.zeros(len(kept))
        for target in targets:
            width = 100 * by_target[target][kept]
            axes.barh(
                range(len(kept)), width, left=start, color=colour_of(target), label=words(target)
            )
            start += width
        axes.set(xlim=(0, 100), ylim=(len(kept) - 0.5, -0.5), xlabel="share of training clips, %")
    names = [words(run.class_names[one], 32) for one in kept]
    picture.panels[0].set_yticks(range(len(kept)), names, fontsize=8)
    picture.legend()
    return picture


def _agreement(run: Run, shares: _ByKind, teachers: list[str]) -> Picture | None:
    if not shares:
        return None
    picture = Picture(_titles(shares), 3.6, 3.2)
    for axes, by_column in zip(picture.panels, shares.values(), strict=True):
        for number, one in enumerate(teachers):
            values = 100 * _smoothed(by_column[f"agreement_{one}"])
            # Wide below narrow, since teachers that are always right coincide.
            axes.plot(
                np.arange(1, len(values) + 1),
                values,
                color=colour_of(one),
                linewidth=2.0 * (len(teachers) - number) - 1.0,
                label=words(one),
            )
        axes.grid(color="#dddddd", linewidth=0.6)
        axes.set(xlabel=f"epoch (mean over {_AROUND})", ylim=(0, None))
    mixed = ", mixed inputs" if run.settings.student_training.mixup else ""
    picture.panels[0].set_ylabel(f"prediction is the teacher's, %{mixed}")
    picture.legend()
    return picture


def _smoothed(values: np.ndarray) -> np.ndarray:
    """Averages each value with its neighbours, fewer at the ends."""
    ones = np.ones(_AROUND)
    counts = np.convolve(np.ones_like(values), ones, mode="full")
    start = _AROUND // 2
    return (np.convolve(values, ones, mode="full") / counts)[start : start + len(values)]


def _confidence(confidences: _ByKind, teachers: list[str]) -> Picture | None:
    if not confidences:
        return None
    picture = Picture(_titles(confidences), 4.2, 3.4)
    edges = np.linspace(0, 1, 11)
    for axes, by_teacher in zip(picture.panels, confidences.values(), strict=True):
        width = 0.8 / len(teachers)
        for number, one in enumerate(teachers):
            values = by_teacher[one]
            wrong = np.mean(values == 0)
            right = np.histogram(values[values > 0], edges)[0] / len(values)
            axes.bar(
                np.arange(-1, 10) + (number - (len(teachers) - 1) / 2) * width,
                100 * np.concatenate([[wrong], right]),
                width,
                color=colour_of(one),
                label=words(one),
            )
        ticks = ["wrong", *(f".{one}" for one in range(10))]
        axes.set_xticks(np.arange(-1, 10), ticks, fontsize=8)
        axes.set_yscale("symlog", linthresh=1)
        axes.set_yticks([0, 1, 10, 100], ["0", "1", "10", "100"])
        axes.set_xlabel("confidence in the truth, from .0 to .1 and so on")
        axes.grid(axis="y", color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
    picture.panels[0].set_ylabel("training clips, % (logarithmic above 1)")
    picture.legend()
    return picture


def _gap(run: Run, teachers: list[str], kind: str) -> Picture:
    own = class_accuracies(run, f"students/{kind}", run.metrics["seeds"])
    kept = np.flatnonzero(~np.isnan(own))
    others = {
        one: class_accuracies(run, f"teachers/{one}", run.metrics["teacher_seeds"])
        for one in teachers
    }
    best = np.max([one[kept] for one in others.values()], axis=0)
    kept = kept[np.argsort(own[kept] - best, kind="stable")]
    titles = [f"minus {words(one)}" for one in teachers]
    picture = Picture(titles, 3.2, 1.4 + 0.19 * len(kept))
    heading = f"accuracy of the student ({words(kind)} teachers) on held-out clips"
    picture.figure.suptitle(heading, fontsize=10)
    for axes, (name, rates) in zip(picture.panels, others.items(), strict=True):
        axes.barh(range(len(kept)), 100 * (own - rates)[kept], color=colour_of(name))
        axes.axvline(0, color="#333333", linewidth=0.8)
        axes.grid(axis="x", color="#dddddd", linewidth=0.6)
        axes.set_axisbelow(True)
        axes.set(ylim=(len(kept) - 0.5, -0.5), xlabel="points")
    names = [words(run.class_names[one], 32) for one in kept]
    picture.panels[0].set_yticks(range(len(kept)), names, fontsize=8)
    return picture
