"""Measures how well virtual sensors follow the real ones of a prepared set.

Examples:
    python -m data_prep.virtual_sensors --prepared_dir=prepared/utd_mhad

A virtual sensor computes acceleration from the skeleton. It is fitted on all training subjects but
one and compared with that one's real sensor, for each place where a sensor was worn. Subjects who
test in the protocol cross_subject are not read.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_prep.commands import CommandArguments, print_result, run_command
from data_prep.errors import UserError
from data_prep.prepared_set import PreparedSet
from data_prep.settings import REQUIRED, setting
from data_prep.skeletons import SkeletonLayout
from data_prep.virtual_acceleration import SensorQuality, paired_frame_rate, quality_on_others

_OTHER_RATE = 0.05  # of the stated rate


@dataclass(frozen=True)
class VirtualSensorsArguments(CommandArguments):
    """The prepared set."""

    prepared_dir: Path = setting(REQUIRED, "Folder that data_prep.prepare has written.")


def main(arguments: VirtualSensorsArguments) -> None:
    """Prints the table of the prepared set that the flag names."""
    prepared = PreparedSet.load(arguments.prepared_dir)
    if arguments.dry_run:
        print(f"would read {len(paired_rows(prepared))} clips: {arguments.prepared_dir}")
        return
    print(quality_table(prepared))
    print_result(
        arguments.prepared_dir,
        *("python", "-m", "pskd_tf.train", "--flagfile=CONFIG"),
        *(f"--prepared_dir={arguments.prepared_dir}", "--run_dir=RUN"),
    )


def paired_rows(prepared: PreparedSet) -> list[int]:
    """Returns the manifest's rows of the training subjects' clips that have both streams.

    Args:
        prepared: The set; its training subjects are those of the protocol cross_subject, or all
            where it has none.

    Raises:
        UserError: Frames and samples do not share their time, or no clip has both streams.
    """
    manifest, description = prepared.manifest, prepared.description
    if description.alignment != "end_to_end":
        rule = "Virtual sensors are fitted on frames and samples that start and end together"
        raise UserError(rule, f"alignment {description.alignment}", prepared.folder)
    protocol = description.protocols.get("cross_subject", {})
    training = set(protocol.get("train_subjects", description.subjects))
    is_paired = prepared.has_accelerometer & (manifest["skeleton_length"] > 2)
    rows = np.flatnonzero(is_paired & manifest["subject"].isin(training))
    if not len(rows):
        rule = "Virtual sensors are fitted on training clips with accelerometer and skeleton"
        raise UserError(rule, "none", prepared.folder)
    return [int(row) for row in rows]


def quality_table(prepared: PreparedSet) -> str:
    """Returns R2 and correlation of each axis with the real sensor, as text.

    Args:
        prepared: The set.

    Returns:
        Two lines for each place where at least two training subjects wore a sensor, and the frame
        rate where it is not the stated one. No final newline.

    Raises:
        UserError: No place has clips of two people, or the skeletons do not fit.
    """
    description, manifest = prepared.description, prepared.manifest
    layout = SkeletonLayout.of(description)
    rate_hz = description.streams["accelerometer"]["nominal_rate_hz"]
    rows = paired_rows(prepared)
    places = manifest["sensor_place"]
    lines, refusals = [], []
    for place in sorted(set(places.iloc[rows])):
        chosen = [row for row in rows if places.iloc[row] == place]
        found = [prepared.skeleton(row) for row in chosen]
        skeletons = [one for one in found if one is not None]  # all of them: they are paired
        accelerations = [prepared.measured(row) for row in chosen]
        subjects = [str(manifest["subject"].iloc[row]) for row in chosen]
        try:
            qualities = quality_on_others(
                skeletons, accelerations, subjects, layout, place, rate_hz
            )
        except UserError as error:
            refusals.append(error)
            lines.append(f"{place}: {error}")
            continue
        for way, quality in zip(("rotation", "regression"), qualities, strict=True):
            lines.append(f"{place:<16}  {way:<10}  {_cells(quality)}")
    if len(refusals) == len(set(places.iloc[rows])):
        raise refusals[0]
    people = len(set(manifest["subject"].iloc[rows]))
    head = f"{'':<16}  {'':<10}  {'R2: x':>6} {'y':>6} {'z':>6} {'mean':>6}"
    head += f"  {'corr.: x':>8} {'y':>6} {'z':>6} {'mean':>6}"
    title = f"{description.title}: each of {people} training subjects left out of the fit in turn"
    return "\n".join([title, head, *lines, *_frame_rate_note(prepared, rows, rate_hz)])


def _cells(quality: SensorQuality) -> str:
    r2 = " ".join(f"{value:6.2f}" for value in (*quality.r2, np.mean(quality.r2)))
    correlation = (*quality.correlation, np.mean(quality.correlation))
    first, *rest = (f"{value:6.2f}" for value in correlation)
    return f"{r2}  {first:>8} {' '.join(rest)}"


def _frame_rate_note(prepared: PreparedSet, rows: list[int], rate_hz: float) -> list[str]:
    lengths = prepared.manifest.iloc[rows][["skeleton_length", "accelerometer_length"]]
    measured = float(
        np.median(
            [paired_frame_rate(frames, samples, rate_hz) for frames, samples in lengths.to_numpy()]
        )
    )
    stated = prepared.description.streams["skeleton"]["nominal_rate_hz"]
    if stated is None or abs(measured / stated - 1) <= _OTHER_RATE:
        return []
    return [
        f"note: {measured:.1f} frames a second by the accelerometer's clock, {stated:g} stated; "
        "the former is used"
    ]


if __name__ == "__main__":
    run_command(main, VirtualSensorsArguments)
