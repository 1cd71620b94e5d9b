"""Writes a recording that checks a run's recogniser on boards, and the decisions due to it.

Examples:
    python -m pskd_tf.develop.firmware_recording --run_dir=RUN --out=DIR

`make firmware` calls it. DIR holds `recording`, test clips with rest and faults between them, and
`decisions-clip.txt` or `decisions-window.txt`, what a core must print in the model's mode.
"""

import dataclasses
import statistics
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_prep.commands import print_result, run_command
from data_prep.files import whole_folder
from data_prep.prepared_set import PreparedSet
from data_prep.settings import REQUIRED, setting
from pskd_tf.arguments import PreparedArguments
from pskd_tf.device.firmware import compile_core, core_lines, recording_file, run_core
from pskd_tf.device.recognizer import ExportedModel, recognizer_settings
from pskd_tf.device.recordings import Recording, joined_clips


@dataclass(frozen=True)
class RecordingArguments(PreparedArguments):
    """The folder and the length of the recording."""

    out: Path = setting(REQUIRED, "The folder to write; an older one is replaced.")
    clips: int = setting(24, "Test clips to join.", minimum=4)


def main(arguments: RecordingArguments) -> None:
    """Joins the clips, breaks some stretches, streams them on this machine and writes it all."""
    model = ExportedModel.read(arguments.run_dir)
    prepared = PreparedSet.load(arguments.prepared)
    recording, _ = joined_clips(
        prepared, model.test_clips, arguments.clips, gyroscope=model.num_axes == 6
    )
    recording = _broken(recording)
    if arguments.dry_run:
        print(f"would stream {len(recording.times)} samples and write {arguments.out}")
        return
    with whole_folder(arguments.out) as folder:
        # Not the run's own cache: a check writes nowhere else.
        program = compile_core(model, folder / "host")
        # An axis that hangs for two seconds is noticed.
        base = dataclasses.replace(
            recognizer_settings(arguments.run_dir, chosen=False), threshold=0.0, maximum_same=50
        )
        # Half the decisions are to be "unknown", whatever the model.
        sure = [one.confidence for one in run_core(program, model, recording, base)]
        threshold = statistics.median([one for one in sure if one > 0] or [0.5])
        settings = dataclasses.replace(base, threshold=threshold)
        lines = core_lines(program, recording, settings)
        (folder / "recording").write_bytes(recording_file(recording, settings))
        mode = "clip" if model.clip_mode else "window"
        text = "".join(f"{line}\n" for line in lines)
        (folder / f"decisions-{mode}.txt").write_text(text, encoding="ascii", newline="\n")
    print(f"{len(recording.times)} samples, {len(lines)} decisions and losses of the signal")
    simulate = ("python", "-m", "pskd_tf.simulate", f"--run_dir={arguments.run_dir}")
    print_result(arguments.out, *simulate, "--csv=FILE")


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
    run_command(main, RecordingArguments)
