"""The recogniser of the device, compiled for the host and streamed."""

from typing import TYPE_CHECKING

from data_prep.lazy import lazy_names

if TYPE_CHECKING:
    from pskd_tf.device.decisions import (
        DecisionCounts as DecisionCounts,
        TimelineRow as TimelineRow,
        timeline as timeline,
        timeline_plot as timeline_plot,
    )
    from pskd_tf.device.events import (
        EventCategories as EventCategories,
        EventMatches as EventMatches,
        Latency as Latency,
        event_categories as event_categories,
        latencies as latencies,
        matched_events as matched_events,
    )
    from pskd_tf.device.firmware import (
        compile_core as compile_core,
        firmware_sources as firmware_sources,
        run_core as run_core,
    )
    from pskd_tf.device.movement_losses import LossTable as LossTable, loss_table as loss_table
    from pskd_tf.device.operating_points import (
        FalseRate as FalseRate,
        OperatingPoint as OperatingPoint,
        operating_curve as operating_curve,
    )
    from pskd_tf.device.recognizer import (
        ChosenSettings as ChosenSettings,
        Decision as Decision,
        ExportedModel as ExportedModel,
        RecognizerSettings as RecognizerSettings,
    )
    from pskd_tf.device.recordings import (
        IdleRecording as IdleRecording,
        LabelledSpan as LabelledSpan,
        Recording as Recording,
        idle_recordings as idle_recordings,
        joined_clips as joined_clips,
    )
    from pskd_tf.device.stream_figures import (
        IdleFigures as IdleFigures,
        StreamFigures as StreamFigures,
        measure_stream as measure_stream,
    )
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__)
