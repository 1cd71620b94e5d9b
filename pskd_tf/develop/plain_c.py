"""Writes a run's student as plain C, with the vectors that check it on boards and emulators.

Examples:
    python -m pskd_tf.develop.plain_c --run_dir=RUN --out=DIR
    python -m pskd_tf.develop.plain_c --run_dir=RUN --out=DIR --random_inputs=100 --dry_run
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_prep.commands import print_result, run_command
from data_prep.errors import UserError
from data_prep.settings import REQUIRED, setting
from pskd_tf.arguments import PreparedArguments
from pskd_tf.data.features import window_samples
from pskd_tf.data.fixed_features import FEATURES
from pskd_tf.export.plain_c.arithmetic import WEIGHTS
from pskd_tf.export.plain_c.vectors import write_firmware_inputs
from pskd_tf.run import Run


@dataclass(frozen=True)
class PlainCArguments(PreparedArguments):
    """The folder and its random vectors."""

    out: Path = setting(REQUIRED, "The folder to write; an older one is replaced.")
    features: str = setting(
        "float", "Arithmetic of the features, as in pskd_tf.export.", choices=FEATURES
    )
    weights: str = setting(
        "int8",
        "Type of the convolutions' weights in plain C: int16 saves instructions on cores with the "
        "DSP extension and takes more flash.",
        choices=WEIGHTS,
    )
    model_slot: bool = setting(
        False, "Write a model slot and the C that takes its tables from it, as in pskd_tf.export."
    )
    random_inputs: int = setting(
        10_000, "Random vectors beside those of the test clips.", minimum=1
    )


def main(arguments: PlainCArguments) -> None:
    """Reads the run and writes `plain_model.c` and the vectors of its test clips or windows."""
    run_dir = arguments.run_dir
    run = Run.load(run_dir, prepared_dir=arguments.prepared_dir)
    export, prepared = run.export, run.prepared
    if prepared.fingerprint != export.dataset_fingerprint:
        raise UserError("The prepared set must be the run's", prepared.fingerprint)
    rows = np.flatnonzero(prepared.manifest["clip_id"].isin(export.test_clips))
    settings = export.manifest.inputs
    clips = [prepared.measured(row, gyroscope=settings.has_gyroscope) for row in rows]
    if settings.mode == "window":
        rate_hz = prepared.description.streams["accelerometer"]["nominal_rate_hz"]
        windows = [window_samples(clip, rate_hz, settings).samples for clip in clips]
        clips = [window for clip_windows in windows for window in clip_windows]
    kind = "clips" if settings.mode == "clip" else "windows"
    what = f"plain C, vectors of {len(clips)} test {kind} and {arguments.random_inputs} random ones"
    if arguments.dry_run:
        print(f"would write {what}: {arguments.out}")
        return
    write_firmware_inputs(
        arguments.out,
        export.folder,
        settings,
        clips,
        arguments.random_inputs,
        features=arguments.features,
        weights=arguments.weights,
        in_slot=arguments.model_slot,
    )
    print(what)
    print_result(
        arguments.out, "python", "-m", "pskd_tf.simulate", f"--run_dir={run_dir}", "--csv=FILE"
    )


if __name__ == "__main__":
    run_command(main, PlainCArguments)
