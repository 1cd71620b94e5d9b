"""The declared stages of one split."""

from dataclasses import dataclass, field

from data_prep.protocols.clip_split import ClipSplit
from pskd_tf.pipeline.stage import Stage


@dataclass(frozen=True)
class FoldPlan:
    """The stages of one split into training and held-out clips.

    Attributes:
        split: The clips and subjects of both parts.
        teacher_outputs: By kind, then teacher seed; `cross_fitted` and `in_sample` only.
        students: Fit stages by kind of teacher outputs, then seed.
        baselines: Fit stages of the cross-entropy baseline by seed.
        compressed: Compress stages by seed.
        scores: Score stages by what is scored: `teachers/<name>/<teacher seed>`,
            `students/<kind>/<seed>`, `baseline/<seed>`, `pruned/<seed>`, `int8/<seed>`.
    """

    split: ClipSplit
    teacher_outputs: dict[str, dict[int, Stage]]
    students: dict[str, dict[int, Stage]]
    baselines: dict[int, Stage]
    compressed: dict[int, Stage]
    scores: dict[str, Stage] = field(default_factory=dict)
