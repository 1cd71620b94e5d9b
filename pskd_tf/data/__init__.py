"""From prepared clips to a model's batches: one preprocessing, its augmentation, its streams."""

from typing import TYPE_CHECKING

from data_prep.lazy import lazy_names

if TYPE_CHECKING:
    from pskd_tf.data.batches import training_batches as training_batches
    from pskd_tf.data.clips import PairedClips as PairedClips
    from pskd_tf.data.detector import Segments as Segments, detect_segments as detect_segments
    from pskd_tf.data.features import (
        WindowSamples as WindowSamples,
        accelerometer_features as accelerometer_features,
        resample_clip as resample_clip,
        skeleton_features as skeleton_features,
        window_samples as window_samples,
    )
    from pskd_tf.data.idle import (
        IDLE_GENERATORS as IDLE_GENERATORS,
        IdleSource as IdleSource,
        Stream as Stream,
        idle_stream as idle_stream,
    )
    from pskd_tf.data.stream_clips import StreamClips as StreamClips
    from pskd_tf.data.views import (
        EvaluationViews as EvaluationViews,
        draw_generator as draw_generator,
        evaluation_views as evaluation_views,
        plain_views as plain_views,
        random_rotations as random_rotations,
        random_views as random_views,
    )
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__)
