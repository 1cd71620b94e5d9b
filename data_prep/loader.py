"""The small interface behind which every data set stands: discover, then read clip by clip."""

from dataclasses import dataclass, field
from typing import Any, Protocol

from data_prep.clip import Clip
from data_prep.dataset_description import DatasetDescription
from data_prep.raw.raw_files import RawFile


@dataclass(frozen=True)
class ClipSource:
    """Where one clip comes from; small and picklable, so that any worker can read it.

    Args:
        clip_id: Unique name within its data set.
        subject: Who moved.
        action: Class index, from 0.
        trial: Which repetition.
        files: Stream name -> the raw file that holds it; a stream may be absent.
        details: Whatever else the loader needs to read this clip, as JSON values.
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

    `read` reads the raw files of one clip, aligns its streams and records it: units converted,
    notes flagged. What is *bad* (unreadable, not finite, unit impossible, too short, gap over the
    limit) raises a `UserError` that names the file; the caller stops or quarantines the clip.
    """

    def discover(self) -> Discovery:
        """Finds the clips; raises `UserError` where the raw folder is not this data set."""
        ...

    def read(self, source: ClipSource) -> Clip:
        """Reads one clip; depends on nothing but `source` and the loader's options."""
        ...
