"""The C core, compiled for the host and run on a recording.

`compile_core` compiles `stream_recording.c` with the core and an exported model; `run_core` streams
a recording through it and reads the decisions.
"""

import os
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

import pskd_tf
from data_prep.errors import UserError
from data_prep.files import file_sha256, json_sha256, whole_file
from pskd_tf.device.recognizer import (
    MODEL_FILES,
    NO_SIGNAL,
    Decision,
    ExportedModel,
    RecognizerSettings,
)
from pskd_tf.device.recordings import Recording

_FLAGS = ("-std=c99", "-O2", "-ffp-contract=off")
# Besides the model's own.
_SOURCES = (
    *("src/accelerometer_features.c", "src/accelerometer_features_fixed.c"),
    *("src/activity_filter.c", "src/activity_recognizer.c"),
    # Of the kernels a host runs the portable ones.
    *("src/plain_kernels.c", "src/segment_detector.c", "src/signal_check.c"),
    *("src/window_buffer.c", "firmware/stream_recording.c", "firmware/print_report.c"),
    "firmware/host/platform.c",
)


def run_core(
    program: Path, model: ExportedModel, recording: Recording, settings: RecognizerSettings
) -> list[Decision]:
    """Streams a recording and returns the decisions.

    Args:
        program: From `compile_core`.
        model: The export with which it was compiled.
        recording: The samples.
        settings: Settings of the recognizer.

    Returns:
        Decisions and losses of the signal, in order of time.

    Raises:
        UserError: The recording has a gyroscope and the model none, or the other way round.
    """
    axes = recording.samples.shape[1]
    if axes != model.num_axes:
        rule = f"The recording must have the model's {model.num_axes} axes (--sensors of its run)"
        raise UserError(rule, axes)
    times = recording.times
    decisions = []
    for kind, index, *rest in map(str.split, core_lines(program, recording, settings)):
        at = int(index)
        if kind == "lost":
            start = times[max(at - 1, 0)]
            decision = Decision(at, None, start, times[at], times[at], NO_SIGNAL, -1, 0.0, None)
        else:
            first, last, activity, best = map(int, rest[:4])
            span = (first, last) if model.clip_mode else None
            start, end = times[at] - model.window_seconds, times[at]
            if span is not None:
                start, end = times[first], times[last]
            output = np.array(rest[6:], np.int8)
            confidence = float(np.array(int(rest[4], 16), np.uint32).view(np.float32))
            decision = Decision(
                *(at, span, start, end, times[at], activity, best, confidence, output),
                goes_on=rest[5] == "1",
            )
        decisions.append(decision)
    return decisions


def core_lines(program: Path, recording: Recording, settings: RecognizerSettings) -> list[str]:
    """Streams a recording and returns the program's lines.

    Args:
        program: From `compile_core`.
        recording: The samples.
        settings: Settings of the recognizer.

    Returns:
        A line for each decision and loss of the signal; `stream_recording.c` in
        `microcontroller/firmware` describes their form.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording"
        path.write_bytes(recording_file(recording, settings))
        finished = subprocess.run([program, path], capture_output=True, text=True)
    if finished.returncode:
        raise RuntimeError(f"The core ended with {finished.returncode}: {finished.stdout[-200:]}")
    return finished.stdout.splitlines()


def recording_file(recording: Recording, settings: RecognizerSettings) -> bytes:
    """Writes a `RecordingHeader`, then a `RecordedSample` for each sample, little-endian.

    Args:
        recording: The samples.
        settings: Settings of the recognizer, for both modes.

    Returns:
        The file's bytes.
    """
    fields = (
        ("<i4", len(recording.times)),
        ("<f4", settings.smoothing),
        ("<f4", settings.threshold),
        ("<f4", settings.threshold * settings.leave_share),
        ("<f4", settings.class_floor),
        ("<f4", settings.adapt_rise),
        ("<f4", settings.fall_per_us),
        ("<f4", settings.adapt_most),
        ("<i4", settings.minimum_windows),
        ("<i4", settings.maximum_same),
        ("<u4", round(settings.maximum_gap_seconds * 1e6)),
        ("<f4", settings.gravity_weight),
        ("<f4", settings.energy_weight),
        ("<f4", settings.start_g),
        ("<f4", settings.end_g),
        ("<f4", settings.noise_rise),
        ("<f4", settings.start_noise),
        ("<f4", settings.end_noise),
        ("<i4", settings.lead_samples),
        ("<i4", settings.rest_samples),
    )
    header = b"".join(np.array(value).astype(kind).tobytes() for kind, value in fields)
    records = np.empty(
        len(recording.times), [("time", "<u4"), ("sample", "<f4", recording.samples.shape[1])]
    )
    microseconds = np.round((recording.times - recording.times[0]) * 1e6).astype(np.int64)
    # A board's counter wraps around, too.
    records["time"] = (microseconds % (1 << 32)).astype(np.uint32)
    records["sample"] = recording.samples
    return b"PSKR" + header + records.tobytes()


def compile_core(model: ExportedModel, cache_dir: str | Path, compiler: str = "cc") -> Path:
    """Compiles `stream_recording.c` with the core and the model, once for the same sources.

    Args:
        model: The export.
        cache_dir: Folder of the compiled programs, each named by the hash of its sources. Where
            others may write to it, a private one in the folder for temporary files takes its place.
        compiler: Name or path of a C99 compiler.

    Returns:
        The program.

    Raises:
        UserError: There is no such compiler, it fails, or the cache cannot be written.
    """
    found = shutil.which(compiler)
    if found is None:
        raise UserError("A simulation needs a C compiler (--compiler)", f"no {compiler}")
    root = firmware_sources()
    sources = [root / name for name in _SOURCES]
    headers = [*(root / "src").glob("*.h"), *(root / "firmware").glob("*.h")]
    makers = [*sources, *headers, *(model.folder / name for name in MODEL_FILES)]
    hashes = sorted([path.name, file_sha256(path)] for path in makers)
    key = json_sha256([found, _FLAGS, hashes])[:16]
    try:
        program = _private_folder(Path(cache_dir)) / f"simulate-{key}"
        if _is_own_program(program):
            return program
    except OSError as error:
        raise UserError("cache_dir must be a writable folder", error.strerror, cache_dir) from error
    folders = [f"-I{model.folder}", f"-I{root / 'src'}", f"-I{root / 'firmware'}"]
    try:
        with whole_file(program) as temporary:
            command = [found, *_FLAGS, *folders, *map(str, sources)]
            command += [str(model.folder / "plain_model.c"), "-o", str(temporary), "-lm"]
            finished = subprocess.run(command, capture_output=True, text=True)
            if finished.returncode:
                first = next((line for line in finished.stderr.splitlines() if "error" in line), "")
                rule = f"The C compiler {found} must compile the core"
                raise UserError(rule, first or f"status {finished.returncode}")
            temporary.chmod(0o700)
        with whole_file(program.with_suffix(".sha256")) as temporary:
            temporary.write_text(file_sha256(program), encoding="ascii")
    except OSError as error:
        raise UserError("cache_dir must be a writable folder", error.strerror, cache_dir) from error
    return program


def _private_folder(cache_dir: Path) -> Path:
    """Returns the folder, or one of the user's own where others may write to it.

    What lies in a folder to which others may write could be a program of theirs.
    """
    private = Path(tempfile.gettempdir()) / f"pskd_tf-{os.getuid()}"
    for folder in (cache_dir, private):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if _is_own(folder, stat.S_ISDIR):
            return folder
    rule = "The folder of compiled programs must be yours, writable by you alone (--cache_dir)"
    raise UserError(rule, "other rights", private)


def _is_own(path: Path, has_kind: Callable[[int], bool]) -> bool:
    found = path.lstat() if has_kind is stat.S_ISREG else path.stat()
    writable_by_others = found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return has_kind(found.st_mode) and found.st_uid == os.getuid() and not writable_by_others


def _is_own_program(program: Path) -> bool:
    """Returns whether a program of an earlier command is there, with the bytes it was left with."""
    kept = program.with_suffix(".sha256")
    if not (program.is_file() and kept.is_file()):
        return False
    if not (_is_own(program, stat.S_ISREG) and _is_own(kept, stat.S_ISREG)):
        return False
    return kept.read_text(encoding="ascii", errors="replace") == file_sha256(program)


def firmware_sources() -> Path:
    """Returns the folder that holds `src/` and `firmware/`.

    In a wheel it is `pskd_tf/firmware`, to which setup.py maps `microcontroller/`; in a checkout,
    `microcontroller/` itself.
    """
    package = Path(pskd_tf.__file__).parent
    installed = package / "firmware"
    return installed if installed.is_dir() else package.parent / "microcontroller"
