"""Reads a board over its serial port: live, to check its axes, or to record.

python -m pskd_tf.monitor --port=/dev/ttyACM0
python -m pskd_tf.monitor --port=/dev/ttyACM0 --plot
python -m pskd_tf.monitor --port=/dev/ttyACM0 --web
python -m pskd_tf.monitor --port=/dev/ttyACM0 --check_axes
python -m pskd_tf.monitor --port=/dev/ttyACM0 --record=own/1.csv --label=wave --subject=anna
python -m pskd_tf.monitor --port=PORT --record=own --labels=wave,clap --subject=anna --seconds=3

--plot draws the samples in the terminal, --web on a page of this machine alone. With --labels, the
keys 1 to 9 in the terminal or on the page record a clip of their label after a countdown.
"""

import contextlib
import math
import queue
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from data_prep.commands import CommandArguments, print_result, run_command
from data_prep.errors import UserError
from data_prep.settings import REQUIRED, setting
from pskd_tf.export.boards.axis_map import AxisMap
from pskd_tf.monitoring.axes import AxesCheck, hold_poses
from pskd_tf.monitoring.live import LiveState, poll_messages, show_live
from pskd_tf.monitoring.protocol import BoardPort, with_samples
from pskd_tf.monitoring.recording import (
    MANIFEST_NAME,
    RecordedClip,
    RecordingSession,
    check_new_clip,
    save_clip,
)
from pskd_tf.monitoring.terminal import Keys, TerminalDisplay, session_line
from pskd_tf.monitoring.web import WebPage


@dataclass(frozen=True)
class MonitorArguments(CommandArguments):
    """The board and what to do with it."""

    port: str = setting(REQUIRED, "The serial port, such as /dev/ttyACM0 or COM3.")
    baud: int = setting(115200, "Bits a second.", minimum=1)
    seconds: float = setting(
        0.0,
        "How long to read, or length of each recording; 0 until Ctrl-C.",
        unit="s",
        minimum=0,
    )
    plot: bool = setting(False, "Plot the samples in the terminal.")
    web: bool = setting(False, "Show samples and decisions on a page, http://127.0.0.1 alone.")
    web_port: int = setting(
        8765, "The page's port, for --web; 0 for a free one.", minimum=0, maximum=65535
    )
    check_axes: bool = setting(
        False, "Prompt for six poses of the right wrist and print what the axes must be."
    )
    record: Path | None = setting(
        None,
        "A new CSV file, or with --labels a folder; manifest.csv beside the files gets a row for "
        "--dataset=custom.",
    )
    label: str | None = setting(None, "The activity, for --record.")
    labels: tuple[str, ...] = setting(
        (), "Activities for the keys 1 to 9, for --record; clip after clip, until q."
    )
    countdown: float = setting(
        3.0, "From a key of --labels to the first sample.", unit="s", minimum=0, maximum=60
    )
    subject: str | None = setting(None, "The person, for --record.")
    sensor_place: str = setting("right_wrist", "Where the sensor is worn, for --record.")


def main(arguments: MonitorArguments) -> None:
    """Shows, checks or records."""
    session = _check(arguments)
    if arguments.dry_run:
        task = "check the axes" if arguments.check_axes else "show what it recognizes"
        what = arguments.label or ", ".join(arguments.labels)
        task = f"record {what} to {arguments.record}" if arguments.record else task
        print(f"would listen on {arguments.port} at {arguments.baud} baud and {task}")
        return
    with BoardPort(arguments.port, arguments.baud) as port:
        # Whoever starts the board by a program waits for this line.
        print(f"listening on {arguments.port}", flush=True)
        if arguments.check_axes:
            _check_axes(port, arguments)
        elif session or arguments.plot or arguments.web:
            _show_views(port, session, arguments)
        elif arguments.record:
            _record(port, arguments.record, arguments)
        else:
            _show(port, arguments)


def _check(arguments: MonitorArguments) -> RecordingSession | None:
    """Refuses what does not go together; returns the session of --labels."""
    if arguments.check_axes and arguments.record:
        raise UserError("Either --check_axes or --record", "both")
    if arguments.check_axes and (arguments.plot or arguments.web):
        raise UserError("Either --check_axes or --plot and --web", "both")
    if not arguments.record:
        if arguments.label or arguments.labels or arguments.subject:
            raise UserError("--label, --labels and --subject go with --record", "no --record")
        return None
    if not arguments.labels:
        _label_and_subject(arguments)
        if arguments.plot or arguments.web:
            raise UserError("--plot and --web record with --labels", "--label")
        check_new_clip(arguments.record)
        return None
    if arguments.label or not arguments.subject:
        rule = "--labels needs --subject and no --label"
        raise UserError(rule, "--label" if arguments.label else "no --subject")
    if not arguments.web and not sys.stdin.isatty():
        raise UserError("--labels needs a terminal for its keys, or --web", "neither")
    return RecordingSession(
        arguments.record,
        arguments.labels,
        subject=arguments.subject,
        sensor_place=arguments.sensor_place,
        seconds=arguments.seconds,
        countdown=arguments.countdown,
    )


def _show_views(
    port: BoardPort, session: RecordingSession | None, arguments: MonitorArguments
) -> None:
    state = LiveState()
    pressed: queue.SimpleQueue[str] = queue.SimpleQueue()
    messages = with_samples(port.messages()) if session else port.messages()
    said = ""
    with contextlib.ExitStack() as views, contextlib.suppress(KeyboardInterrupt):
        if arguments.web:
            page = views.enter_context(WebPage(state, session, pressed.put, arguments.web_port))
            print(f"page: {page.address}", flush=True)
        keys = views.enter_context(Keys())
        display = views.enter_context(TerminalDisplay(arguments.labels)) if arguments.plot else None
        for batch in poll_messages(messages):
            for message in batch:
                state.take(message)
                if session:
                    session.take(message)
            typed = keys.pressed()
            if "q" in typed:
                break
            for key in (*typed, *_waiting(pressed)):
                if session:
                    session.press(key)
            view, doing = state.view(), session.state() if session else None
            if display:
                display.show(view, doing)
            elif doing:
                whole = math.ceil(doing.remaining) if doing.phase == "countdown" else 0
                line = f"{doing.phase} {doing.label} {whole} {doing.last}"
                if line != said:
                    said = line
                    print(session_line(doing, arguments.labels), flush=True)
            if arguments.seconds and not session and view.now >= arguments.seconds:
                break
    if session and arguments.record:
        manifest = arguments.record / MANIFEST_NAME
        inspect = ("python", "-m", "data_prep.inspect", f"--manifest={manifest}")
        print_result(f"{len(session.saved)} clips in {arguments.record}", *inspect)
        return
    print(f"{state.view().activities} activities")
    print_result("what the board said", *_monitor(arguments), "--check_axes")


def _waiting(keys: "queue.SimpleQueue[str]") -> Iterator[str]:
    with contextlib.suppress(queue.Empty):
        while True:
            yield keys.get_nowait()


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
