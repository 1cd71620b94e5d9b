"""A recording and settings as `microcontroller/firmware/stream_recording.c` reads them."""

import numpy as np

from pskd_tf.simulation.recognizer_settings import RecognizerSettings
from pskd_tf.simulation.recording import Recording


def recording_file(recording: Recording, settings: RecognizerSettings) -> bytes:
    """Writes the struct `Header`, then a struct `Sample` for each sample, little-endian.

    Args:
        recording: The samples.
        settings: Of the recognizer; those of either mode are there.

    Returns:
        The file's bytes.
    """
    fields = (
        ("<i4", len(recording.times)),
        ("<f4", settings.smoothing),
        ("<f4", settings.threshold),
        ("<f4", settings.threshold * settings.leave_share),
        ("<i4", settings.minimum_windows),
        ("<i4", settings.maximum_same),
        ("<u4", round(settings.maximum_gap_seconds * 1e6)),
        ("<f4", settings.gravity_weight),
        ("<f4", settings.energy_weight),
        ("<f4", settings.start_g),
        ("<f4", settings.end_g),
        ("<i4", settings.lead_samples),
        ("<i4", settings.rest_samples),
    )
    header = b"".join(np.array(value).astype(kind).tobytes() for kind, value in fields)
    records = np.empty(len(recording.times), [("time", "<u4"), ("sample", "<f4", 3)])
    microseconds = np.round((recording.times - recording.times[0]) * 1e6).astype(np.int64)
    # A board's counter wraps around, too.
    records["time"] = (microseconds % (1 << 32)).astype(np.uint32)
    records["sample"] = recording.samples
    return b"PSKR" + header + records.tobytes()
