"""What the compiled core prints of a recording."""

import subprocess
import tempfile
from pathlib import Path

from pskd_tf.simulation.recognizer_settings import RecognizerSettings
from pskd_tf.simulation.recording import Recording
from pskd_tf.simulation.recording_file import recording_file


def core_lines(program: Path, recording: Recording, settings: RecognizerSettings) -> list[str]:
    """Streams a recording.

    Args:
        program: From `compile_core`.
        recording: The samples.
        settings: Of the recognizer.

    Returns:
        A line for each decision and loss of the signal; their form:
        `microcontroller/firmware/stream_recording.c`.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording"
        path.write_bytes(recording_file(recording, settings))
        finished = subprocess.run([program, path], capture_output=True, text=True)
    if finished.returncode:
        raise RuntimeError(f"The core ended with {finished.returncode}: {finished.stdout[-200:]}")
    return finished.stdout.splitlines()
