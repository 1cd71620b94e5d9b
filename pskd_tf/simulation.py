"""What checks a run's recognizer on boards and emulators: a recording, and what Python says to it.

Examples:
    python -m pskd_tf.simulation --run_dir=RUN --out=DIR

`make firmware` calls it. DIR holds `recording`, test clips with rest and faults between them, and
`decisions-clip.txt` or `decisions-window.txt`, what a core must print in the model's mode.
"""

import dataclasses
import statistics
from pathlib import Path

import numpy as np
from absl import flags

from data_prep.commands import print_result, run_command
from data_prep.errors import UserError
from data_prep.files import whole_folder
from data_prep.prepared_set import PreparedSet
from pskd_tf.device.firmware import compile_core, core_lines, recording_file, run_core
from pskd_tf.device.recognizer import ExportedModel, RecognizerSettings
from pskd_tf.device.recordings import Recording, joined_clips

_RUN_DIR = flags.DEFINE_string("run_dir", None, "A finished run of pskd_tf.train.")
_OUT = flags.DEFINE_string("out", None, "The folder to write; an older one is replaced.")
_PREPARED_DIR = flags.DEFINE_string(
    "prepared_dir", None, "Where the run's prepared set lies, if not in the run."
)
_CLIPS = flags.DEFINE_integer("clips", 24, "Test clips to join.", lower_bound=4)
_DRY_RUN = flags.DEFINE_bool("dry_run", False, "Say what would be written.")
# An axis that hangs for two seconds is noticed.
_SETTINGS = RecognizerSettings(threshold=0.0, maximum_same=50)


def main() -> None:
    """Joins the clips, breaks some stretches, streams them on this machine and writes it all."""
    if not _RUN_DIR.value or not _OUT.value:
        raise UserError("--run_dir and --out must be given", "nothing")
    model = ExportedModel.read(_RUN_DIR.value)
    prepared = PreparedSet.load(_PREPARED_DIR.value or Path(_RUN_DIR.value) / "prepared")
    recording, _ = joined_clips(prepared, model.test_clips, _CLIPS.value)
    recording = _broken(recording)
    if _DRY_RUN.value:
        print(f"would stream {len(recording.times)} samples and write {_OUT.value}")
        return
    with whole_folder(_OUT.value) as folder:
        # Not the run's own cache: a check writes nowhere else.
        program = compile_core(model, folder / "host")
        # Half the decisions are to be "unknown", whatever the model.
        sure = [one.confidence for one in run_core(program, model, recording, _SETTINGS)]
        threshold = statistics.median([one for one in sure if one > 0] or [0.5])
        settings = dataclasses.replace(_SETTINGS, threshold=threshold)
        lines = core_lines(program, recording, settings)
        (folder / "recording").write_bytes(recording_file(recording, settings))
        mode = "clip" if model.clip_mode else "window"
        text = "".join(f"{line}\n" for line in lines)
        (folder / f"decisions-{mode}.txt").write_text(text, encoding="ascii", newline="\n")
    print(f"{len(recording.times)} samples, {len(lines)} decisions and losses of the signal")
    simulate = ("python", "-m", "pskd_tf.simulate", f"--run_dir={_RUN_DIR.value}")
    print_result(_OUT.value, *simulate, "--csv=FILE")


def _broken(recording: Recording) -> Recording:
    """Makes a gap of a second, an axis that hangs, NaN, and samples that come twice."""
    times, samples = recording.times.copy(), recording.samples.copy()
    at = [len(times) * tenth // 10 for tenth in (2, 4, 6, 8)]
    times[at[0] :] += 1.0
    samples[at[1] : at[1] + 100, 1] = 0.5
    samples[at[2] : at[2] + 5] = np.nan
    times[at[3]] = times[at[3] - 1]
    return Recording(times, samples)


if __name__ == "__main__":
    run_command(main)
