"""The pictures of a run: whom the student follows, and why."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from data_prep.whole_file import whole_file
from pskd_tf.reporting.loaded_run import LoadedRun
from pskd_tf.reporting.markup.number_text import words
from pskd_tf.reporting.palette import colour_of
from pskd_tf.reporting.replay.followed_by_class import followed_by_class
from pskd_tf.study.cached_logits import cached_logits
from pskd_tf.study.calibration import calibration
from pskd_tf.study.class_accuracies import class_accuracies
from pskd_tf.study.epoch_means import epoch_means
from pskd_tf.study.picture import Picture
from pskd_tf.study.teacher_confidences import teacher_confidences

PICTURES = (
    "followed_by_epoch",
    "followed_by_class",
    "agreement",
    "teacher_confidence",
    "gap_by_class",
)

TABLE = "teacher_calibration"

_AROUND = 9  # epochs; odd


def write_pictures(run: LoadedRun, folder: Path) -> list[Path]:
    """Writes the PNGs that the run has data for.

    Args:
        run: The run; it must have teachers.
        folder: Where to write, by the names in `PICTURES`, and the table `TABLE`.

    Returns:
        The files: by epoch the mean over seeds; by class and of the confidence the first seed;
        the gap of held-out clips, mean over seeds.
    """
    teachers = list(run.settings["teachers"])
    kinds = list(run.settings["teacher_outputs"])
    targets = [*teachers, "ground_truth"]
    folder.mkdir(parents=True, exist_ok=True)
    followed = {
        kind: epoch_means(run, kind, [f"followed_{one}" for one in targets]) for kind in kinds
    }
    agreement = {
        kind: epoch_means(run, kind, [f"agreement_{one}" for one in teachers]) for kind in kinds
    }
    replayed = {kind: followed_by_class(run, kind) for kind in kinds}
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
        with whole_file(folder / f"{TABLE}.csv") as temporary:
            table.to_csv(temporary, index=False, lineterminator="\n", float_format="%.4f")
        written.append(folder / f"{TABLE}.csv")
    return written


def _calibrations(run: LoadedRun, kinds: Sequence[str]) -> pd.DataFrame:
    return pd.DataFrame(
        {"teacher_outputs": kind, "teacher": name, **dataclasses.asdict(calibration(*outputs))}
        for kind in kinds
        for name, outputs in cached_logits(run, kind).items()
    )


def _titles(kinds: Sequence[str]) -> list[str]:
    return [f"{words(kind)} teachers" for kind in kinds]


def _followed_by_epoch(shares: dict, targets: list[str]) -> Picture | None:
    if not shares:
        return None
    picture = Picture(_titles(shares), 3.6, 3.2)
    for axes, by_column in zip(picture.panels, shares.values(), strict=True):
        heights = 100 * np.stack([by_column[f"followed_{one}"] for one in targets])
        epochs = np.arange(1, heights.shape[1] + 1)
        colours = [colour_of(one) for one in targets]
        axes.stackplot(epochs, heights, colors=colours, labels=[words(one) for one in targets])
        axes.set(xlim=(1, max(2, epochs[-1])), ylim=(0, 100), xlabel="epoch")
    picture.panels[0].set_ylabel("share of samples that followed, %")
    picture.legend()
    return picture


def _followed_by_class(run: LoadedRun, shares: dict, targets: list[str]) -> Picture | None:
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


def _agreement(run: LoadedRun, shares: dict, teachers: list[str]) -> Picture | None:
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
    mixed = ", mixed inputs" if run.settings["student_training"]["mixup"] else ""
    picture.panels[0].set_ylabel(f"guess is the teacher's, %{mixed}")
    picture.legend()
    return picture


def _smoothed(values: np.ndarray) -> np.ndarray:
    """Averages each value with its neighbours, fewer at the ends."""
    ones = np.ones(_AROUND)
    counts = np.convolve(np.ones_like(values), ones, mode="full")
    start = _AROUND // 2
    return (np.convolve(values, ones, mode="full") / counts)[start : start + len(values)]


def _confidence(confidences: dict, teachers: list[str]) -> Picture | None:
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


def _gap(run: LoadedRun, teachers: list[str], kind: str) -> Picture:
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
