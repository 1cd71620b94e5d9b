"""A simulated board: the `cmake` project of an export on a simulated sensor, compiled and started.

The sensor is an LSM6DSO at the level of its registers (`microcontroller/boards/cmake/simulated`):
driver, FIFO, queue, recognizer and serial protocol are those of a real board.
"""

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from data_prep.errors import UserError
from data_prep.settings import check_settings, setting
from pskd_tf.device.recognizer import RecognizerSettings
from pskd_tf.device.recordings import Recording
from pskd_tf.export.boards.axis_map import AxisMap
from pskd_tf.export.boards.project import board_project, write_board_project
from pskd_tf.export.boards.targets import CMAKE

_FLAGS = ("-std=c99", "-O2", "-ffp-contract=off", "-Wall", "-Wextra")


@dataclass(frozen=True)
class SimulatedBoardSettings:
    """The sensor, the board and the serial line; the defaults are ours."""

    seed: int = setting(0, "Seed of noise, jitter, loss and outages.", minimum=0, maximum=2**31 - 1)
    drift_percent: float = setting(
        2.0,
        "The sensor's clock is so much too fast; below 0 too slow.",
        unit="%",
        minimum=-5,
        maximum=5,
    )
    drift_period_hours: float = setting(
        6.0,
        "Time from one drift to the opposite one and back; 0 for a drift that stays.",
        unit="h",
        minimum=0,
        maximum=200,
    )
    sample_jitter_us: float = setting(
        20.0,
        "Standard deviation of the time at which the sensor takes a sample.",
        unit="us",
        minimum=0,
        maximum=5000,
    )
    wake_jitter_us: float = setting(
        1000.0,
        "The board wakes up late by up to so much, which moves the stamps.",
        unit="us",
        minimum=0,
        maximum=1e6,
    )
    loss_percent: float = setting(
        0.1, "Share of the sensor's samples that get lost.", unit="%", minimum=0, maximum=100
    )
    outages_an_hour: float = setting(
        0.0, "How often the bus does not answer, on average.", minimum=0, maximum=3600
    )
    outage_seconds: float = setting(
        2.0, "Length of each outage.", unit="s", minimum=0, maximum=3600
    )
    range_g: str = setting(
        "8", "Range of the sensor, in g; it saturates.", choices=("2", "4", "8", "16")
    )
    noise_g: float = setting(
        0.0007,
        "Standard deviation of the sensor's noise on each axis.",
        unit="g",
        minimum=0,
        maximum=1,
    )
    inference_ms: float = setting(
        30.0, "How long an inference takes.", unit="ms", minimum=0, maximum=10_000
    )
    baud: int = setting(
        115200,
        "Bits a second of the serial line, for which the board waits; 0 if it takes no time.",
        minimum=0,
    )

    def __post_init__(self) -> None:
        check_settings(self)

    def arguments(self, seconds: float) -> list[str]:
        """Returns the program's arguments.

        Args:
            seconds: How long the board runs.
        """
        values = {
            "seed": self.seed,
            "seconds": seconds,
            "drift_percent": self.drift_percent,
            "drift_period_s": self.drift_period_hours * 3600,
            "sample_jitter_us": self.sample_jitter_us,
            "wake_jitter_us": self.wake_jitter_us,
            "loss_percent": self.loss_percent,
            "outages_an_hour": self.outages_an_hour,
            "outage_s": self.outage_seconds,
            "range_g": self.range_g,
            "noise_g": self.noise_g,
            "inference_us": self.inference_ms * 1000,
            "baud": self.baud,
        }
        return [f"{name}={value}" for name, value in values.items()]


@dataclass(frozen=True)
class SimulatedBoard:
    """A simulated board that was compiled.

    Attributes:
        program: The program.
        motion: The recording that the sensor replays, without end.
        delivered: Where the program writes the samples that the sensor delivered.
    """

    program: Path
    motion: Path
    delivered: Path

    @classmethod
    def build(
        cls,
        run_dir: str | Path,
        folder: Path,
        recording: Recording,
        recognizer: RecognizerSettings,
        compiler: str = "cc",
        *,
        sends_samples: bool = False,
    ) -> "SimulatedBoard":
        """Writes the `cmake` project and compiles it.

        Args:
            run_dir: A finished run of pskd_tf.train.
            folder: Where project, program and recording go.
            recording: What the sensor replays; it must hold numbers alone.
            recognizer: Settings of the recognizer.
            compiler: A C99 compiler.
            sends_samples: Whether it sends each sample, too.

        Returns:
            The board.

        Raises:
            UserError: There is no compiler or no export, or the recording has under two samples.
        """
        found = shutil.which(compiler)
        if found is None:
            raise UserError("A simulated board needs a C compiler (--compiler)", f"no {compiler}")
        finite = np.isfinite(recording.samples).all(axis=1)
        new = np.r_[True, np.diff(recording.times) > 0]
        if (finite & new).sum() < 2:
            raise UserError("A simulated board needs a recording of two samples", "fewer")
        files = board_project(
            run_dir,
            CMAKE,
            "board",
            runtime="plain_c",
            axes=AxisMap(),
            settings=recognizer,
        )
        project = folder / "board"
        write_board_project(project, files)
        of_host = ("main.c", "board.c")
        sources = [path for path in (project / "src").glob("*.c") if path.name not in of_host]
        sources += (project / "simulated").glob("*.c")
        program = folder / "simulated_board"
        define = f"-DPSKD_SENDS_SAMPLES={int(sends_samples)}"
        command = [found, *_FLAGS, define, *map(str, sorted(sources)), "-o", str(program), "-lm"]
        finished = subprocess.run(command, capture_output=True, text=True)
        if finished.returncode:
            first = next((line for line in finished.stderr.splitlines() if "error" in line), "")
            rule = f"The C compiler {found} must compile the project"
            raise UserError(rule, first or f"status {finished.returncode}")
        motion = folder / "motion.csv"
        rows = zip(recording.times[finite] * 1e6, recording.samples[finite], strict=True)
        lines = [f"{time:.3f},{x:.9g},{y:.9g},{z:.9g}\n" for time, (x, y, z) in rows]
        motion.write_text("time_us,x,y,z\n" + "".join(lines), encoding="ascii")
        return cls(program, motion, folder / "delivered.bin")

    def start(
        self, settings: SimulatedBoardSettings, seconds: float, *, keeps: bool = True
    ) -> subprocess.Popen[bytes]:
        """Starts the board in simulated time.

        Args:
            settings: The sensor, the board and the line.
            seconds: How long it runs, by its own clock.
            keeps: Whether it keeps the delivered samples.

        Returns:
            The process: the serial line is its standard output, and `name value` lines come on its
            standard error at the end.
        """
        kept = [str(self.delivered)] if keeps else []
        command = [str(self.program), str(self.motion), *kept, *settings.arguments(seconds)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def read_delivered(self) -> tuple[np.ndarray, Recording]:
        """Reads the samples that the sensor delivered.

        Returns:
            Their stamps `(samples,)` uint32 in microseconds, which wrap around, and the recording,
            whose times begin at 0.
        """
        kind = np.dtype([("time", np.uint32), ("sample", np.float32, 3)])
        records = np.fromfile(self.delivered, kind)
        steps = np.diff(records["time"]).astype(np.int32)  # signed: a stamp may go back
        times = np.r_[0, np.cumsum(steps, dtype=np.int64)] / 1e6
        return records["time"], Recording(times[: len(records)], records["sample"])
