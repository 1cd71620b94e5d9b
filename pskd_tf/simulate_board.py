"""Runs a run's project on a simulated board with a simulated sensor, without hardware.

Examples:
    python -m pskd_tf.simulate_board --run_dir=RUN
    python -m pskd_tf.simulate_board --run_dir=RUN --hours=24 --drift_percent=2
    python -m pskd_tf.simulate_board --run_dir=RUN --csv=FILE --energy
    python -m pskd_tf.simulate_board --run_dir=RUN --csv=FILE --serial --sends_samples

The sensor replays a recording, or the run's test clips with rest and idle time between them. The
first two commands run the board as fast as the machine goes and compare its decisions with those
of pskd_tf.simulate on the samples and stamps that the sensor delivered; the exit status is 1 if one
differs. --energy then estimates the current of two boards from what the board counted, and the days
that a coin cell lasts. --serial offers the board's serial line as a port for pskd_tf.monitor, in
real time, until --hours are over or Ctrl-C.
"""

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_prep.commands import print_result, run_command
from data_prep.errors import UserError
from data_prep.prepared_set import PreparedSet
from data_prep.settings import part, setting
from pskd_tf.arguments import PreparedArguments
from pskd_tf.device.firmware import compile_core
from pskd_tf.device.recognizer import ExportedModel, recognizer_settings
from pskd_tf.device.recordings import Recording, idle_recordings, joined_clips
from pskd_tf.export.boards.simulated import SimulatedBoard, SimulatedBoardSettings
from pskd_tf.exported import Export
from pskd_tf.monitoring.energy import BOARDS, Workload, energy_table
from pskd_tf.monitoring.simulated_board import BoardRun, SerialLine, run_board, serve_board

_IDLE_KINDS = ("postures", "desk", "walking")
_IDLE_HOURS = 0.1


@dataclass(frozen=True)
class SimulateBoardArguments(PreparedArguments):
    """What the sensor replays, for how long, and how it is read."""

    csv: Path | None = setting(
        None, "The recording that the sensor replays again and again, as pskd_tf.simulate reads it."
    )
    hours: float = setting(
        1.0, "How long the board runs, by its own clock.", unit="h", minimum=0.001, maximum=1000
    )
    serial: bool = setting(False, "Offer the serial line as a port, in real time.")
    speed: float = setting(
        1.0, "With --serial: seconds of the board in a second.", above=0, maximum=1000
    )
    sends_samples: bool = setting(
        False,
        "Send each sample, too, as a board built with -DPSKD_SENDS_SAMPLES=1; pskd_tf.monitor "
        "needs them to plot, to record and to check the axes.",
    )
    energy: bool = setting(
        False, "Estimate from instructions, wake-ups and data sheets what two boards draw."
    )
    compiler: str = setting("cc", "A C99 compiler.")
    board: SimulatedBoardSettings = part(SimulatedBoardSettings, "simulated board")


def main(arguments: SimulateBoardArguments) -> None:
    """Builds the board, then compares it or serves its line."""
    if arguments.energy and arguments.serial:
        raise UserError("Either --energy or --serial", "both")
    model = ExportedModel.read(arguments.run_dir)
    if model.num_axes == 6:
        rule = "simulate_board has a sensor of three axes (a run with --sensors=accelerometer)"
        raise UserError(rule, "sensors=accelerometer,gyroscope", arguments.run_dir)
    recognizer = recognizer_settings(arguments.run_dir)
    recording = Recording.read(arguments.csv) if arguments.csv else _usual_motion(model, arguments)
    minutes = recording.times[-1] / 60
    if arguments.dry_run:
        task = "offer its serial line" if arguments.serial else "compare it with the simulator"
        print(f"would run a board for {arguments.hours:g} h on {minutes:.1f} min and {task}")
        return
    seconds = 3600 * arguments.hours
    with tempfile.TemporaryDirectory() as folder:
        board = SimulatedBoard.build(
            *(arguments.run_dir, Path(folder), recording, recognizer, arguments.compiler),
            sends_samples=arguments.sends_samples,
        )
        print(f"the sensor replays {minutes:.1f} min")
        if arguments.serial:
            _serve(board, seconds, arguments)
            return
        begun = time.monotonic()
        program = compile_core(model, Path(folder) / "simulator", arguments.compiler)
        run = run_board(board, arguments.board, seconds, model, recognizer, program)
        taken = time.monotonic() - begun
    mode = "clip" if model.clip_mode else "window"
    for line in board_table(run, mode, arguments.board, taken):
        print(line)
    if arguments.energy:
        load = Workload.of_run(run, Export.read(model.folder))
        print("an estimate from data sheets; nothing was measured on a board:")
        for line in energy_table({mode: load}, arguments.board.baud):
            print(line)
        for source in (source for board in BOARDS for source in board.sources):
            print(f"source: {source}")
    print("statuses: " + ", ".join(f"{word} {count}" for word, count in run.statuses.items()))
    serial = (*(("--csv=FILE",) if arguments.csv else ()), "--serial", "--sends_samples")
    simulate = ("python", "-m", "pskd_tf.simulate_board", f"--run_dir={arguments.run_dir}")
    equal = run.differing == 0 and run.losses == run.simulator_losses
    print_result(f"{run.differing} of {run.decisions} decisions differ", *simulate, *serial)
    if not equal:
        sys.exit(1)


def _usual_motion(model: ExportedModel, arguments: SimulateBoardArguments) -> Recording:
    """Returns the test clips with rest between them, then minutes of each kind of idle time."""
    prepared = PreparedSet.load(arguments.prepared)
    if prepared.fingerprint != model.dataset_fingerprint:
        raise UserError("The prepared set must be the run's", prepared.fingerprint, prepared.folder)
    clips, _ = joined_clips(prepared, model.test_clips)
    idle = idle_recordings(prepared, model.test_clips, _IDLE_HOURS, kinds=_IDLE_KINDS)
    samples = np.concatenate([clips.samples, *(one.samples for one in idle.values())])
    return Recording(np.arange(len(samples)) * clips.times[1], samples)


def board_table(
    run: BoardRun, mode: str, settings: SimulatedBoardSettings, seconds: float
) -> tuple[str, str, str]:
    """Returns the header and the row of the documentation's table.

    Args:
        run: What the board did.
        mode: The model's mode.
        settings: The board's settings.
        seconds: How long the command took.

    Returns:
        Three lines of Markdown.
    """
    numbers = run.numbers
    cells = {
        "mode": mode,
        "hours": f"{run.seconds / 3600:.2f}",
        "drift": f"{settings.drift_percent:g} %",
        "decisions": f"{run.decisions:,}",
        "differing": f"{run.differing}",
        '"no signal": board, simulator': f"{run.losses}, {run.simulator_losses}",
        "samples of the sensor": f"{numbers['chip_samples']:,}",
        "lost by it": f"{numbers['chip_lost']:,}",
        "samples delivered": f"{numbers['delivered_samples']:,}",
        "lost by the queue": f"{numbers['queue_lost']}",
        "most waiting": f"{numbers['queue_deepest']}",
        "windows left out": f"{run.statuses.get('windows_skipped', 0)}",
        "wake-ups a second": f"{numbers['wake_ups'] / run.seconds:.1f}",
        "minutes": f"{seconds / 60:.1f}",
    }
    right = " | ".join("---" if name == "mode" else "---:" for name in cells)
    return f"| {' | '.join(cells)} |", f"| {right} |", f"| {' | '.join(cells.values())} |"


def _serve(board: SimulatedBoard, seconds: float, arguments: SimulateBoardArguments) -> None:
    with (
        board.start(arguments.board, seconds, keeps=False) as process,
        SerialLine() as line,
    ):
        monitor = ("python", "-m", "pskd_tf.monitor", f"--port={line.port}")
        # Whoever starts the monitor by a program waits for this line.
        print(f"port: {line.port}", flush=True)
        print(f"next: {' '.join(monitor)}", flush=True)
        try:
            count = serve_board(process, line.send, arguments.speed)
        except KeyboardInterrupt:
            count = None
        finally:
            process.kill()
            process.communicate()
    print_result("the board ended" if count is None else f"{count} lines sent", *monitor)


if __name__ == "__main__":
    run_command(main, SimulateBoardArguments)
