"""Reads a board over its serial port: live, to check its axes, or to record.

python -m pskd_tf.monitor --port=/dev/ttyACM0
python -m pskd_tf.monitor --port=/dev/ttyACM0 --check_axes
python -m pskd_tf.monitor --port=/dev/ttyACM0 --record=own/1.csv --label=wave --subject=anna
"""

import sys
from dataclasses import dataclass
from pathlib import Path

from data_prep.commands import CommandArguments, print_result, run_command
from data_prep.errors import UserError
from data_prep.settings import REQUIRED, setting
from pskd_tf.export.boards.axis_map import AxisMap
from pskd_tf.monitoring.axes import AxesCheck, hold_poses
from pskd_tf.monitoring.protocol import BoardPort
from pskd_tf.monitoring.recording import RecordedClip, check_new_clip, save_clip, show_live


@dataclass(frozen=True)
class MonitorArguments(CommandArguments):
    """The board and what to do with it."""

    port: str = setting(REQUIRED, "The serial port, such as /dev/ttyACM0 or COM3.")
    baud: int = setting(115200, "Bits a second.", minimum=1)
    seconds: float = setting(
        0.0, "How long to read or record; 0 until Ctrl-C.", unit="s", minimum=0
    )
    check_axes: bool = setting(
        False, "Prompt for six poses of the right wrist and print what the axes must be."
    )
    record: Path | None = setting(
        None, "A new CSV file; manifest.csv beside it gets a row for --dataset=custom."
    )
    label: str | None = setting(None, "The activity, for --record.")
    subject: str | None = setting(None, "The person, for --record.")
    sensor_place: str = setting("right_wrist", "Where the sensor is worn, for --record.")


def main(arguments: MonitorArguments) -> None:
    """Does one of the three."""
    if arguments.check_axes and arguments.record:
        raise UserError("Either --check_axes or --record", "both")
    if arguments.record:
        _label_and_subject(arguments)
        check_new_clip(arguments.record)
    elif arguments.label or arguments.subject:
        raise UserError("--label and --subject go with --record", "no --record")
    if arguments.dry_run:
        task = "check the axes" if arguments.check_axes else "show what it recognizes"
        task = f"record {arguments.label} to {arguments.record}" if arguments.record else task
        print(f"would listen on {arguments.port} at {arguments.baud} baud and {task}")
        return
    with BoardPort(arguments.port, arguments.baud) as port:
        # Whoever starts the board by a program waits for this line.
        print(f"listening on {arguments.port}", flush=True)
        if arguments.check_axes:
            _check_axes(port, arguments)
        elif arguments.record:
            _record(port, arguments.record, arguments)
        else:
            _show(port, arguments)


def _monitor(arguments: MonitorArguments) -> tuple[str, ...]:
    return ("python", "-m", "pskd_tf.monitor", f"--port={arguments.port}")


def _show(port: BoardPort, arguments: MonitorArguments) -> None:
    try:
        shown = show_live(port.messages(), arguments.seconds)
        print(f"{shown} activities")
    except KeyboardInterrupt:
        print()
    print_result("the activities above", *_monitor(arguments), "--check_axes")


def _label_and_subject(arguments: MonitorArguments) -> tuple[str, str]:
    if not arguments.label or not arguments.subject:
        raise UserError("--record needs --label and --subject", "not both of them")
    return arguments.label, arguments.subject


def _record(port: BoardPort, path: Path, arguments: MonitorArguments) -> None:
    label, subject = _label_and_subject(arguments)
    print("recording" + ("" if arguments.seconds else "; Ctrl-C ends it"), flush=True)
    clip = RecordedClip.record(port.messages(), arguments.seconds)
    manifest = save_clip(
        path,
        clip,
        subject=subject,
        label=label,
        sensor_place=arguments.sensor_place,
    )
    seconds = clip.rows[-1][0] / 1e6
    rate_hz = (len(clip.rows) - 1) / seconds
    print(f"{len(clip.rows)} samples, {seconds:.2f} s, {rate_hz:.2f} Hz; a row in {manifest}")
    inspect = ("python", "-m", "data_prep.inspect", f"--manifest={manifest}")
    print_result(path, *inspect)


def _check_axes(port: BoardPort, arguments: MonitorArguments) -> None:
    header, readings = hold_poses(port.messages())
    check = AxesCheck.from_poses(readings)
    present = AxisMap.parse(header.axes)
    right = check.correction.after(present)
    print("axis  1 g reads  offset g  tilt degrees")
    for row in zip("xyz", check.scale, check.offset, check.tilt, strict=True):
        print("{:>4}  {:9.3f}  {:+8.3f}  {:12.1f}".format(*row))
    for fault in check.faults:
        print(f"warning: {fault}")
    if right == present:
        print_result(
            f"the axes {present.text} are those of the training",
            *_monitor(arguments),
        )
    else:
        found = f"the axes must be {right.text}, not {present.text}"
        project = ("--run_dir=RUN", "--target=TARGET", "--out=DIR", f"--axes={right.text}")
        print_result(found, "python", "-m", "pskd_tf.export", *project)
    if check.faults or right != present:
        sys.exit(1)


if __name__ == "__main__":
    run_command(main, MonitorArguments)
