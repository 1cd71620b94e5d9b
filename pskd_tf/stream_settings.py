"""Settings of streams: the segment detector and a training on what is cut out of them.

Lengths are in samples of the accelerometer. The defaults are for 50 Hz and were chosen by leaving
training subjects of UTD-MHAD out.
"""

from dataclasses import dataclass

from data_prep.errors import UserError
from data_prep.settings import check_settings, part, setting


@dataclass(frozen=True)
class DetectorSettings:
    """How the segment detector cuts movements out of a stream.

    The rule stands in `microcontroller/src/segment_detector.h`; `detect_segments` and the C core
    apply it alike. Source: ours.
    """

    start_g: float = setting(
        0.1,
        "Clip mode: root mean square, high-passed, at which a movement starts.",
        unit="g",
        above=0,
    )
    end_g: float = setting(
        0.08, "Clip mode: root mean square below which it ends.", unit="g", above=0
    )
    start_noise: float = setting(
        8.0,
        "Clip mode: a movement starts at no less than this multiple of the noise floor's mean "
        "square; 0 for no noise floor.",
        minimum=0,
    )
    end_noise: float = setting(
        4.0,
        "Clip mode: a movement also ends below this multiple of the noise floor's mean square.",
        minimum=0,
    )
    noise_rise: float = setting(
        0.002,
        "Clip mode: share by which the noise floor rises in a sample; it falls at once.",
        minimum=0,
        below=1,
        flag=False,
    )
    gravity_weight: float = setting(
        0.04,
        "Weight of the newest sample in the mean that is taken for gravity.",
        above=0,
        maximum=1,
        flag=False,
    )
    energy_weight: float = setting(
        0.2,
        "Weight of the newest sample in the mean square.",
        above=0,
        maximum=1,
        flag=False,
    )
    lead_samples: int = setting(
        10,
        "Clip mode: samples before the start that belong to a movement.",
        minimum=0,
        maximum=10**9,
    )
    rest_samples: int = setting(
        35, "Clip mode: samples of rest that end a movement.", minimum=1, maximum=10**9
    )

    def __post_init__(self) -> None:
        check_settings(self)
        if self.end_g > self.start_g:
            received = f"end_g {self.end_g}, start_g {self.start_g}"
            raise UserError("A movement ends below where it starts, end_g <= start_g", received)
        if self.end_noise > self.start_noise:
            received = f"end_noise {self.end_noise}, start_noise {self.start_noise}"
            rule = "A movement ends below where it starts, end_noise <= start_noise"
            raise UserError(rule, received)


# What is no movement of any class; `pskd_tf.data.idle` makes each kind.
NEGATIVE_KINDS = ("postures", "turns", "tails", "heads", "parts", "joins", "rotated")


@dataclass(frozen=True)
class StreamSettings:
    """A training on what is cut out of streams, with one more class, "none".

    Source: ours. Streams are made from clips with rest around them, and from the kinds of
    `NEGATIVE_KINDS`. In clip mode the detector cuts them, with settings that vary; in window mode
    a cut is a window at a random place.
    """

    enabled: bool = setting(
        False,
        "Trains on what is cut out of streams, by the segment detector or as windows, and with a "
        'class "none"; otherwise on clips alone.',
        flag="stream_training",
    )
    detector: DetectorSettings = part(DetectorSettings, "stream")
    minimum_samples: int = setting(
        50,
        "Clip mode: shortest movement that is classified; what is shorter is left out.",
        unit="samples",
        minimum=2,
        flag="minimum_movement",
    )
    maximum_samples: int = setting(
        275,
        "Clip mode: longest movement; what is longer is cut there.",
        unit="samples",
        minimum=2,
        flag="maximum_movement",
    )
    clip_share: float = setting(
        0.3,
        "Share of the movements in a batch that are read from the clip alone; the others are cuts.",
        minimum=0,
        maximum=1,
        flag="stream_clip_share",
    )
    negatives: float = setting(
        0.5,
        'Samples of the class "none" for each movement in a batch.',
        above=0,
        flag="stream_negatives",
    )
    negative_kinds: tuple[str, ...] = setting(
        NEGATIVE_KINDS,
        'Kinds of the class "none", drawn evenly.',
        choices=NEGATIVE_KINDS,
        flag="stream_negative_kinds",
    )
    cuts: int = setting(
        8,
        "Cuts of each clip: with detector settings of their own, or windows at random places.",
        minimum=1,
        flag="stream_cuts",
    )
    negative_cuts: int = setting(
        2000,
        'Cuts of each kind of the class "none", from which batches draw.',
        minimum=1,
        flag="stream_negative_cuts",
    )
    coverage: float = setting(
        0.75,
        "Share of a clip's motion that a cut must cover to have its class; of a window, share of "
        "the most motion that a window of this clip covers.",
        above=0,
        maximum=1,
        flag="stream_coverage",
    )
    jitter: float = setting(
        0.2,
        "Clip mode: standard deviation of the logarithm of the detector's settings.",
        minimum=0,
        flag="stream_jitter",
    )
    border_jitter: int = setting(
        5,
        "Clip mode: largest shift of a cut's start and of its end.",
        unit="samples",
        minimum=0,
        flag=False,
    )

    def __post_init__(self) -> None:
        check_settings(self)
        if self.minimum_samples > self.maximum_samples:
            received = f"{self.minimum_samples}, {self.maximum_samples}"
            rule = "minimum_movement must be at most maximum_movement"
            raise UserError(rule, received)
