"""Listens to a board with a project of pskd_tf.export: live, to check its axes, or to record.

python -m pskd_tf.monitor --port=/dev/ttyACM0
python -m pskd_tf.monitor --port=/dev/ttyACM0 --check_axes
python -m pskd_tf.monitor --port=/dev/ttyACM0 --record=own/1.csv --label=wave --subject=anna
"""

import sys

from absl import flags

from data_prep.commands import print_result, run_command
from data_prep.errors import UserError
from pskd_tf.export.boards.axis_map import AxisMap
from pskd_tf.monitoring.axes import AxesCheck, hold_poses
from pskd_tf.monitoring.protocol import BoardPort
from pskd_tf.monitoring.recording import RecordedClip, check_new_clip, save_clip, show_live

_MONITOR = ("python", "-m", "pskd_tf.monitor")
_PORT = flags.DEFINE_string("port", None, "The serial port, such as /dev/ttyACM0 or COM3.")
_BAUD = flags.DEFINE_integer("baud", 115200, "Bits a second.", lower_bound=1)
_SECONDS = flags.DEFINE_float(
    "seconds", 0.0, "How long to listen or record; 0 until Ctrl-C.", lower_bound=0.0
)
_CHECK_AXES = flags.DEFINE_bool(
    "check_axes", False, "Ask for six poses of the right wrist and say what the axes must be."
)
_RECORD = flags.DEFINE_string(
    "record", None, "A new CSV file; manifest.csv beside it gets a row for --dataset=custom."
)
_LABEL = flags.DEFINE_string("label", None, "What is being done, for --record.")
_SUBJECT = flags.DEFINE_string("subject", None, "Who does it, for --record.")
_SENSOR_PLACE = flags.DEFINE_string("sensor_place", "right_wrist", "Where it is worn.")
_DRY_RUN = flags.DEFINE_bool("dry_run", False, "Say what would be done; open and write nothing.")


def main() -> None:
    """Does one of the three."""
    if not _PORT.value:
        raise UserError("--port must be given", "nothing")
    if _CHECK_AXES.value and _RECORD.value:
        raise UserError("Either --check_axes or --record", "both")
    if _RECORD.value:
        if not _LABEL.value or not _SUBJECT.value:
            raise UserError("--record needs --label and --subject", "not both of them")
        check_new_clip(_RECORD.value)
    elif _LABEL.value or _SUBJECT.value:
        raise UserError("--label and --subject go with --record", "no --record")
    if _DRY_RUN.value:
        task = "check the axes" if _CHECK_AXES.value else "show what it recognizes"
        task = f"record {_LABEL.value} to {_RECORD.value}" if _RECORD.value else task
        print(f"would listen on {_PORT.value} at {_BAUD.value} baud and {task}")
        return
    with BoardPort(_PORT.value, _BAUD.value) as port:
        # Whoever starts the board by a program waits for this line.
        print(f"listening on {_PORT.value}", flush=True)
        if _CHECK_AXES.value:
            _check_axes(port)
        elif _RECORD.value:
            _record(port)
        else:
            _show(port)


def _port_flag() -> str:
    return f"--port={_PORT.value}"


def _show(port: BoardPort) -> None:
    try:
        shown = show_live(port.messages(), _SECONDS.value)
        print(f"{shown} activities")
    except KeyboardInterrupt:
        print()
    print_result(f"what {_PORT.value} said, above", *_MONITOR, _port_flag(), "--check_axes")


def _record(port: BoardPort) -> None:
    print("recording" + ("" if _SECONDS.value else "; Ctrl-C ends it"), flush=True)
    clip = RecordedClip.record(port.messages(), _SECONDS.value)
    manifest = save_clip(
        _RECORD.value,
        clip,
        subject=_SUBJECT.value,
        label=_LABEL.value,
        sensor_place=_SENSOR_PLACE.value,
    )
    seconds = clip.rows[-1][0] / 1e6
    rate_hz = (len(clip.rows) - 1) / seconds
    print(f"{len(clip.rows)} samples, {seconds:.2f} s, {rate_hz:.2f} Hz; a row in {manifest}")
    inspect = ("python", "-m", "data_prep.inspect", f"--manifest={manifest}")
    print_result(_RECORD.value, *inspect)


def _check_axes(port: BoardPort) -> None:
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
        print_result(f"the axes {present.text} are those of the training", *_MONITOR, _port_flag())
    else:
        found = f"the axes must be {right.text}, not {present.text}"
        project = ("--run_dir=RUN", "--target=TARGET", "--out=DIR", f"--axes={right.text}")
        print_result(found, "python", "-m", "pskd_tf.export", *project)
    if check.faults or right != present:
        sys.exit(1)


if __name__ == "__main__":
    run_command(main)
