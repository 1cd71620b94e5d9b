"""A run's student as plain C, with what checks it on boards and emulators.

Examples:
    python -m pskd_tf.export.plain_c --run_dir=RUN --out=DIR
    python -m pskd_tf.export.plain_c --run_dir=RUN --out=DIR --random_inputs=100 --dry_run
"""

from pathlib import Path

import numpy as np
from absl import flags

from data_prep.commands import print_result, run_command
from data_prep.errors import UserError
from pskd_tf.data.features import window_samples
from pskd_tf.export.plain_c.vectors import write_firmware_inputs
from pskd_tf.run import Run

_RUN_DIR = flags.DEFINE_string("run_dir", None, "A finished run of pskd_tf.train.")
_OUT = flags.DEFINE_string("out", None, "The folder to write; an older one is replaced.")
_PREPARED_DIR = flags.DEFINE_string(
    "prepared_dir", None, "Where the run's prepared set lies, if not in the run."
)
_RANDOM_INPUTS = flags.DEFINE_integer(
    "random_inputs", 10_000, "Random vectors to add to the test clips.", lower_bound=1
)
_DRY_RUN = flags.DEFINE_bool("dry_run", False, "Say what would be written; write nothing.")


def main() -> None:
    """Reads the run and writes `plain_model.c` and the vectors of its test clips or windows."""
    if not _RUN_DIR.value or not _OUT.value:
        raise UserError("--run_dir and --out must be given", "nothing")
    run_dir = Path(_RUN_DIR.value)
    run = Run.load(run_dir, prepared_dir=_PREPARED_DIR.value)
    export, prepared = run.export, run.prepared
    if prepared.fingerprint != export.dataset_fingerprint:
        raise UserError("The prepared set must be the run's", prepared.fingerprint)
    rows = np.flatnonzero(prepared.manifest["clip_id"].isin(export.test_clips))
    settings = export.manifest.inputs
    clips = [prepared.accelerometer(row) for row in rows]
    if settings.mode == "window":
        rate_hz = prepared.description.streams["accelerometer"]["nominal_rate_hz"]
        windows = [window_samples(clip, rate_hz, settings).samples for clip in clips]
        clips = [window for clip_windows in windows for window in clip_windows]
    kind = "clips" if settings.mode == "clip" else "windows"
    what = f"plain C, vectors of {len(clips)} test {kind} and {_RANDOM_INPUTS.value} random ones"
    if _DRY_RUN.value:
        print(f"would write {what}: {_OUT.value}")
        return
    write_firmware_inputs(_OUT.value, export.folder, settings, clips, _RANDOM_INPUTS.value)
    print(what)
    print_result(
        _OUT.value, "python", "-m", "pskd_tf.simulate", f"--run_dir={run_dir}", "--csv=FILE"
    )


if __name__ == "__main__":
    run_command(main)
