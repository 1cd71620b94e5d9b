"""The interface of a data-set loader: `discover` finds the clips, `read` reads one of them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from typing import Any, Protocol

from data_prep.clip import Clip
from data_prep.dataset_description import DatasetDescription
from data_prep.files import made_by
from data_prep.formats.archives import RawFile, raw_sources
from data_prep.settings import setting
from data_prep.skeletons import SkeletonLayout


@dataclass(frozen=True)
class ClipSource:
    """Where one clip comes from; small and picklable, so that any worker can read it.

    Args:
        clip_id: Unique name within its data set.
        subject: Name of the subject.
        action: Class index, from 0; -1 without a label, -2 of a recording that shows no class.
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

    def clip(self, **streams: Any) -> Clip:
        """Returns the clip of this source.

        Args:
            **streams: The fields of `Clip` that the source does not have.
        """
        return Clip(self.clip_id, self.subject, self.action, self.trial, **streams)


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


_UNITS = {"accelerometer": "g", "gyroscope": "deg/s", "skeleton": "m"}


def recorded_set(
    sources: Sequence[ClipSource],
    layout: SkeletonLayout,
    rates_hz: Mapping[str, float],
    more_files: Sequence[RawFile] = (),
    **fields: Any,
) -> DatasetDescription:
    """Returns the draft of a recorded set in the units of a prepared set.

    Args:
        sources: Its clips.
        layout: Its skeletons.
        rates_hz: The nominal rate of each stream.
        more_files: What was read besides the files of the clips, such as annotations.
        **fields: The other fields of `DatasetDescription`.
    """
    streams: dict[str, dict[str, Any]] = {
        name: {"unit": _UNITS[name], "nominal_rate_hz": float(rate), "channels": ["x", "y", "z"]}
        for name, rate in rates_hz.items()
    }
    if layout.dimensions == 2:
        streams["skeleton"]["unit"] = "m (body-scaled)"
        streams["skeleton"]["channels"] = ["x", "y", "confidence"]
    files = [item for source in sources for item in source.files.values()]
    return DatasetDescription(
        is_synthetic=False,
        num_clips=len(sources),
        streams=streams,
        joint_names=list(layout.joint_names),
        joint_parents=list(layout.joint_parents),
        root_joint=layout.root_joint,
        up_axis=layout.up_axis,
        made_by=made_by(),
        skeleton_dimensions=layout.dimensions,
        sources=raw_sources(list({item.name: item for item in (*files, *more_files)}.values())),
        **fields,
    )


def subject_protocol(
    subjects: Sequence[str], test_subjects: Collection[str], metric: str
) -> dict[str, Any]:
    """Returns a protocol as a `DatasetDescription` declares it, split by subject.

    Args:
        subjects: All of them.
        test_subjects: Those that test; the others train.
        metric: What it is reported with.
    """
    return {
        "train_subjects": [name for name in subjects if name not in test_subjects],
        "test_subjects": [name for name in subjects if name in test_subjects],
        "metric": metric,
    }


def column_protocol(
    column: str, train: Sequence[str], test: Sequence[str], metric: str, leaks: bool = False
) -> dict[str, Any]:
    """Returns a protocol as a `DatasetDescription` declares it, split by a manifest's column.

    Args:
        column: The column.
        train: Its values in the training part.
        test: Its values in the test part.
        metric: What it is reported with.
        leaks: Whether the same subjects train and test.
    """
    protocol = {"train": {column: [*train]}, "test": {column: [*test]}, "metric": metric}
    return {**protocol, "leaks_subjects": True} if leaks else protocol


def option_values(loader: Loader) -> dict[str, Any]:
    """Returns the options of a loader that its prepared set depends on.

    The places of files are left out: what is in them is known by its hash, and a set may be moved.
    """
    places = {"raw_dir", "manifest", "annotations", "skeleton_layout"}
    assert is_dataclass(loader) and not isinstance(loader, type)
    values = asdict(loader)
    for one in fields(loader):
        if one.name in places or (one.metadata.get("later") and values[one.name] == one.default):
            del values[one.name]
    return values


@dataclass(frozen=True)
class DatasetOptions:
    """Options of all loaders; None stands for "not given", the loader's own default.

    A loader takes only its own; `load_dataset` refuses one that it does not know.
    """

    num_subjects: int | None = setting(None, "Number of generated people; synthetic only.")
    num_trials: int | None = setting(
        None, "Clips of each generated person and action; synthetic only."
    )
    from_rest_seconds: float | None = setting(
        None,
        "Time in which each generated movement comes from the hanging arms, and again in which it "
        "goes back to them; synthetic only.",
        unit="s",
    )
    sensor: str | None = setting(
        None,
        "Worn sensor to read: 1 to 6 (berkeley_mhad), watch or phone (mmact), watch, phone, "
        "meta_wrist or meta_hip (smartfallmm), right_wrist or left_wrist (mm_fit, "
        "czu_mhad, openpack), right_arm or left_arm (openpack).",
    )
    camera: int | None = setting(None, "Camera whose poses are read, 1 to 4; mmact only.")
    skeleton_source: str | None = setting(
        None,
        "Recording of the body to read: optical, bvh or auto (berkeley_mhad), kinect_3d or "
        "kinect_2d (openpack).",
    )
    accelerometer_rate_hz: int | None = setting(
        None, "Rate of the prepared accelerometer; berkeley_mhad only.", unit="Hz"
    )
    skeleton_rate_hz: int | None = setting(
        None, "Rate of the prepared skeleton; berkeley_mhad only.", unit="Hz"
    )
    rate_hz: float | None = setting(
        None, "Rate of the prepared accelerometer; custom only.", unit="Hz"
    )
    longest_gap_seconds: float | None = setting(
        None,
        "A longer gap between samples makes a clip bad; berkeley_mhad, mmact, smartfallmm, mm_fit, "
        "czu_mhad, openpack, custom.",
        unit="s",
    )
    manifest: str | None = setting(None, "CSV file that lists the recordings; custom only.")
    annotations: str | None = setting(
        None,
        "CSV file or label tracks that cut recordings into clips; custom only.",
    )
    gaps_are_none: bool | None = setting(
        None,
        'What lies between the annotations of a recording shows no action, as if labelled "none"; '
        "custom, and mm_fit and openpack, where it is so unless switched off.",
    )
    skeleton_layout: str | None = setting(
        None, "Name or JSON file of the skeleton's joints; custom only."
    )
