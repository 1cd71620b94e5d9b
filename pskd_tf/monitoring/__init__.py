"""A board's messages on its serial line, read on the host."""

from typing import TYPE_CHECKING

from data_prep.lazy import lazy_names

if TYPE_CHECKING:
    from pskd_tf.monitoring.axes import AxesCheck as AxesCheck, hold_poses as hold_poses
    from pskd_tf.monitoring.live import LiveState as LiveState, show_live as show_live
    from pskd_tf.monitoring.protocol import (
        BoardActivity as BoardActivity,
        BoardHeader as BoardHeader,
        BoardPort as BoardPort,
        BoardSample as BoardSample,
        BoardStatus as BoardStatus,
        parse_message as parse_message,
    )
    from pskd_tf.monitoring.recording import (
        RecordedClip as RecordedClip,
        RecordingSession as RecordingSession,
        save_clip as save_clip,
    )
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__)
