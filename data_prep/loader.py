"""The interface of a data-set loader: `discover` finds the clips, `read` reads one of them."""

from dataclasses import dataclass, field
from typing import Any, Protocol

from data_prep.clip import Clip
from data_prep.dataset_description import DatasetDescription
from data_prep.formats.archives import RawFile


@dataclass(frozen=True)
class ClipSource:
    """Where one clip comes from; small and picklable, so that any worker can read it.

    Args:
        clip_id: Unique name within its data set.
        subject: Name of the subject.
        action: Class index, from 0.
        trial: Which repetition.
        files: Stream name -> the raw file that holds it; a stream may be absent.
        details: What else the loader needs to read this clip, as JSON values.
    """

    clip_id: str
    subject: str
    action: int
    trial: str
    files: dict[str, RawFile] = field(default_factory=dict)
    details: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Discovery:
    """What a loader found without reading any recording.

    Args:
        description: The data set, without the hashes that the writer adds.
        sources: One for each clip, in the order to keep.
    """

    description: DatasetDescription
    sources: list[ClipSource]


class Loader(Protocol):
    """A data set: a picklable object that holds its raw folder and its options.

    `read` reads the raw files of one clip, converts units, aligns the streams and flags what it
    repaired. A bad recording (unreadable, not finite, impossible unit, too short, gap over the
    limit) raises a `UserError` that names the file; the caller stops or quarantines the clip.
    """

    def discover(self) -> Discovery:
        """Finds the clips; raises `UserError` where the raw folder is not this data set."""
        ...

    def read(self, source: ClipSource) -> Clip:
        """Reads one clip; depends on nothing but `source` and the loader's options."""
        ...


@dataclass(frozen=True)
class DatasetOptions:
    """Options of all loaders; None stands for "not given", the loader's own default.

    A loader takes only its own; `load_dataset` refuses one that it does not know.

    Args:
        num_subjects: Number of generated people (synthetic).
        num_trials: Number of generated clips of each person and action (synthetic).
        sensor: Which of several worn sensors is read: 1 to 6 (berkeley_mhad), watch or phone
            (mmact), watch, phone, meta_wrist or meta_hip (smartfallmm).
        camera: The camera that gives the poses, 1 to 4 (mmact).
        skeleton_source: Which recording of the body is read: optical, bvh or auto
            (berkeley_mhad).
        accelerometer_rate_hz: Rate of the prepared accelerometer (berkeley_mhad).
        skeleton_rate_hz: Rate of the prepared skeleton (berkeley_mhad).
        rate_hz: Rate of the prepared accelerometer (custom).
        longest_gap_seconds: A longer gap between samples makes a clip bad (berkeley_mhad, mmact,
            smartfallmm).
        manifest: The file that lists the recordings (custom).
        annotations: The file that cuts recordings into clips (custom).
        skeleton_layout: Name or JSON file of the skeleton's joints (custom).
    """

    num_subjects: int | None = None
    num_trials: int | None = None
    sensor: str | None = None
    camera: int | None = None
    skeleton_source: str | None = None
    accelerometer_rate_hz: int | None = None
    skeleton_rate_hz: int | None = None
    rate_hz: float | None = None
    longest_gap_seconds: float | None = None
    manifest: str | None = None
    annotations: str | None = None
    skeleton_layout: str | None = None
