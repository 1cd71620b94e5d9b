"""A user's own recordings, listed in a manifest.

`manifest.py` reads the rows, `recording.py` the files of one row. Here the rows become clips of a
data set with classes, rates and a split by subject.
"""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from data_prep.clip import NO_LABEL, NULL_ACTION, NULL_LABEL, Clip
from data_prep.dataset_description import DatasetDescription, check_labels
from data_prep.errors import UserError
from data_prep.files import made_by, natural_order
from data_prep.formats.archives import RawFile, raw_sources
from data_prep.loader import ClipSource, Discovery
from data_prep.loaders.custom.annotations import cut_by_annotations
from data_prep.loaders.custom.manifest import read_custom_manifest
from data_prep.loaders.custom.manifest_row import METRIC_UNITS, CustomClip
from data_prep.loaders.custom.read_files import ReadFiles
from data_prep.loaders.custom.recording import CustomRecording, read_custom_recording
from data_prep.records import later_field
from data_prep.skeletons import KNOWN_SKELETONS, SkeletonLayout

WITHIN_SUBJECT = "within_subject"
_USUAL_RATE_HZ = 50.0
_RATES_HZ = (1.0, 10_000.0)
_LONGEST_GAP_SECONDS = 10.0


@dataclass(frozen=True)
class CustomLoader:
    """Own recordings: a manifest with one row a clip, or one row a recording and annotations.

    `REQUIRED_COLUMNS` and `OPTIONAL_COLUMNS` of `manifest.py` name the columns, `CustomClip`
    explains them. `python -m data_prep.inspect` checks manifest and recordings first.

    Args:
        manifest: The CSV file; paths in it are relative to it.
        annotations: What cuts the recordings into clips, see `cut_by_annotations`: a CSV file, a
            label track or a folder of them; None if the rows are clips.
        skeleton_layout: A known layout or a JSON file, see `SkeletonLayout.load`; None if no row
            has a skeleton.
        rate_hz: Rate of the prepared accelerometer. None takes the rate that the rows state, or
            50 Hz if all rows leave it to the stamps.
        longest_gap_seconds: A longer gap between samples, or a joint lost for longer, makes a
            clip bad.
        gaps_are_none: Whether what lies between the annotations of a recording shows no action.

    Raises:
        UserError: There is no manifest, the layout is unknown or damaged, or the rate or the gap
            is out of range.
    """

    manifest: str | Path | None = None
    annotations: str | Path | None = None
    skeleton_layout: str | Path | None = None
    rate_hz: float | None = None
    longest_gap_seconds: float = 0.5
    gaps_are_none: bool = later_field(False)

    def __post_init__(self) -> None:
        if not self.manifest:
            raise UserError("Own recordings need a manifest", "none")
        low, high = _RATES_HZ
        if self.rate_hz is not None and not low <= self.rate_hz <= high:
            raise UserError(f"rate_hz must be {low:g} to {high:g}", self.rate_hz)
        if not 0 < self.longest_gap_seconds <= _LONGEST_GAP_SECONDS:
            rule = f"longest_gap_seconds must be above 0 and at most {_LONGEST_GAP_SECONDS:g}"
            raise UserError(rule, self.longest_gap_seconds)
        if self.gaps_are_none and self.annotations is None:
            raise UserError("gaps_are_none needs annotations, between which the gaps lie", "none")
        self.layout()

    def discover(self) -> Discovery:
        """Finds the clips; raises `UserError` for the first mistake in the manifest."""
        clips, errors = self.clips()
        if errors:
            error, others = errors[0], len(errors) - 1
            more = f" (and {others} more; data_prep.inspect lists all)" if others else ""
            raise UserError(error.rule, f"{error.received}{more}", error.path)
        train, test, note = split_subjects(clips, str(self.manifest))
        class_names = action_names(clips)
        if len(class_names) < 2:
            received = class_names[0] if class_names else "none"
            raise UserError("A data set needs at least 2 actions", received, self.manifest)
        rate_hz = self.prepared_rate_hz(clips)
        sources = []
        for clip in clips:
            files = self.files(clip)
            details = {"rate_hz": rate_hz, "clip": _as_json(clip)}
            action = class_names.index(clip.action) if clip.action in class_names else NO_LABEL
            action = NULL_ACTION if clip.action == NULL_LABEL else action
            sources.append(
                ClipSource(clip.clip_id, clip.subject, action, clip.trial, files, details)
            )
        layout = self.layout() or SkeletonLayout((), ())
        description = DatasetDescription(
            name="custom",
            title="Own recordings",
            is_synthetic=False,
            citation="Own recordings; nothing to cite.",
            num_clips=len(clips),
            subjects=natural_order({*train, *test}),
            class_names=class_names,
            streams=_streams(clips, layout, rate_hz),
            joint_names=list(layout.joint_names),
            joint_parents=list(layout.joint_parents),
            root_joint=layout.root_joint if layout.joint_names else 0,
            up_axis=layout.up_axis,
            protocols=_protocols(clips, train, test),
            made_by=made_by(),
            wrist_place=_wrist_place(clips),
            skeleton_dimensions=layout.dimensions,
            sources=raw_sources(self._all_files(sources)),
            source_notes=[note],
        )
        return Discovery(description, sources)

    def read(self, source: ClipSource) -> Clip:
        """Reads one clip; raises as `Loader.read` does."""
        clip = _from_json(source.details["clip"])
        recording = self.recording(clip, source.details["rate_hz"])
        return source.clip(
            sensor_place=clip.sensor_place,
            accelerometer=recording.accelerometer,
            gyroscope=recording.gyroscope,
            skeleton=recording.skeleton,
            sources=recording.sources,
            flags=recording.flags,
        )

    def recording(self, clip: CustomClip, rate_hz: float) -> CustomRecording:
        """Returns the streams of a clip, as `read_custom_recording` does."""
        return read_custom_recording(
            clip,
            self.files(clip),
            self.layout(),
            rate_hz,
            self.longest_gap_seconds,
            self.read_files,
        )

    @cached_property
    def read_files(self) -> ReadFiles:
        """What was read last; it changes no clip, it only saves reading a file again."""
        return ReadFiles()

    def layout(self) -> SkeletonLayout | None:
        """Returns the layout of the skeletons, None without one."""
        return SkeletonLayout.load(self.skeleton_layout) if self.skeleton_layout else None

    def clips(self) -> tuple[list[CustomClip], list[UserError]]:
        """Returns the clips that the manifest describes, and its mistakes row by row.

        Clips of the same accelerometer's file follow each other, so that it is read once.

        Raises:
            UserError: A table is missing, is none, or its header breaks a rule.
        """
        layout = self.layout()
        units: tuple[str, ...] = METRIC_UNITS
        if layout is not None and layout.dimensions == 2:
            # A known layout is that of an estimator, which gives pixels.
            is_known = str(self.skeleton_layout) in KNOWN_SKELETONS
            units = ("px", *units) if is_known else (*units, "px")
        clips, errors = read_custom_manifest(
            self._manifest_path,
            for_annotations=self.annotations is not None,
            skeleton_units=units,
        )
        bare = next((clip for clip in clips if clip.skeleton_path and layout is None), None)
        if bare is not None:
            rule = "Rows with a skeleton_path need a skeleton_layout"
            errors.append(UserError(rule, "none", bare.place))
        if self.annotations is not None:
            clips, more = cut_by_annotations(self.annotations, clips, self.gaps_are_none)
            errors = errors + more
        movers = {clip.subject for clip in clips if clip.action != NULL_LABEL}
        others = {clip.subject: clip for clip in clips if clip.subject not in movers}
        for clip in others.values():
            rule = f'A subject with recordings of "{NULL_LABEL}" needs clips of an action, too'
            errors.append(UserError(rule, f"none of {clip.subject}", clip.place))
        for clip in {clip.action: clip for clip in reversed(clips) if clip.action}.values():
            try:
                check_labels([clip.action])
            except UserError as error:
                errors.append(UserError(error.rule, error.received, clip.place))
        places: dict[str, int] = {}
        for clip in clips:
            places.setdefault(clip.accelerometer_path, len(places))
        return sorted(clips, key=lambda clip: places[clip.accelerometer_path]), errors

    def prepared_rate_hz(self, clips: Sequence[CustomClip]) -> float:
        """Returns the rate that the accelerometer of all clips is brought to.

        Raises:
            UserError: The rows state several rates, and none was chosen.
        """
        if self.rate_hz is not None:
            return float(self.rate_hz)
        stated = {
            clip.accelerometer_rate_hz for clip in clips if clip.accelerometer_rate_hz is not None
        }
        if len(stated) > 1:
            rule = "rate_hz must be given where the rows state several accelerometer_rate_hz"
            received = ", ".join(f"{rate:g}" for rate in sorted(stated))
            raise UserError(rule, received, self.manifest)
        return stated.pop() if stated else _USUAL_RATE_HZ

    def files(self, clip: CustomClip) -> dict[str, RawFile]:
        """Returns the files of a clip: "accelerometer", "skeleton" or both."""
        folder = self._manifest_path.parent
        paths = {"accelerometer": clip.accelerometer_path, "skeleton": clip.skeleton_path}
        return {stream: RawFile(path, folder / path) for stream, path in paths.items() if path}

    @property
    def _manifest_path(self) -> Path:
        assert self.manifest is not None  # refused when the loader is made
        return Path(self.manifest)

    def _all_files(self, sources: Sequence[ClipSource]) -> list[RawFile]:
        found = {item.name: item for source in sources for item in source.files.values()}
        for option in ("manifest", "annotations", "skeleton_layout"):
            path = Path(getattr(self, option)) if getattr(self, option) else None
            for one in sorted(path.iterdir()) if path and path.is_dir() else [path]:
                if one is not None and one.is_file():
                    name = f"{option}: {one.name}"
                    found[name] = RawFile(name, one)
        return list(found.values())


def _as_json(clip: CustomClip) -> dict[str, Any]:
    fields = dataclasses.asdict(clip)
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value in fields.items()
    }


def _from_json(fields: Mapping[str, Any]) -> CustomClip:
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()
    }
    return CustomClip(**values)


def _streams(
    clips: Sequence[CustomClip], layout: SkeletonLayout, rate_hz: float
) -> dict[str, dict[str, Any]]:
    streams: dict[str, dict[str, Any]] = {
        "accelerometer": {"unit": "g", "nominal_rate_hz": rate_hz, "channels": ["x", "y", "z"]}
    }
    if any(clip.gyroscope_columns for clip in clips):
        streams["gyroscope"] = {**streams["accelerometer"], "unit": "deg/s"}
    rates = {clip.skeleton_rate_hz for clip in clips if clip.skeleton_path}
    if rates:
        is_flat = layout.dimensions == 2
        streams["skeleton"] = {
            "unit": "m (body-scaled)" if is_flat else "m",
            "nominal_rate_hz": rates.pop() if len(rates) == 1 else None,
            "channels": ["x", "y", "confidence" if is_flat else "z"],
        }
    return streams


def _wrist_place(clips: Sequence[CustomClip]) -> str:
    """Returns the wrist of most clips, or the most common place if no sensor is on a wrist."""
    places = Counter(clip.sensor_place for clip in clips)
    wrists = {place: count for place, count in places.items() if "wrist" in place} or places
    return max(sorted(wrists), key=lambda place: wrists[place])


def action_names(clips: Iterable[CustomClip]) -> list[str]:
    """Returns the actions of clips, sorted; unlabelled ones and recordings of "none" name none."""
    return sorted({clip.action for clip in clips} - {"", NULL_LABEL})


def split_subjects(clips: Sequence[CustomClip], path: str) -> tuple[list[str], list[str], str]:
    """Returns training subjects, test subjects and a note on how they were chosen.

    The column `part` of the manifest decides. Without it the test subjects are the last third
    (rounded down, at least one) in natural order; ours. One subject alone trains, and clips of
    the same subject test; see `within_subject`.

    Args:
        clips: All clips, each with its subject.
        path: The manifest, for errors.

    Returns:
        The training subjects, the test subjects (none where there is one subject), the note.

    Raises:
        UserError: There is no clip, or only clips that cannot test the one subject; only some rows
            have a part, a subject is in both parts, or a part has no subject.
    """
    subjects = natural_order({clip.subject for clip in clips})
    if not subjects:
        raise UserError("A data set needs a clip", "none", path)
    if len(subjects) == 1:
        if not within_subject(clips)[1]:
            rule = "One subject alone needs 2 clips of an action, one to train and one to test"
            raise UserError(rule, subjects[0], path)
        return subjects, [], "split (ours): one subject; the last clips of each action test"
    parts: dict[str, CustomClip] = {}
    if not any(clip.part for clip in clips):
        # Nobody can be tested without a sensor.
        worn = natural_order({clip.subject for clip in clips if clip.accelerometer_path})
        worn = worn or subjects
        test = worn[-max(1, len(worn) // 3) :]
        note = f"split (ours): the last {len(test)} of {len(worn)} subjects test"
        if len(worn) < len(subjects):
            note = f"{note}, of those with an accelerometer"
        return [name for name in subjects if name not in test], test, note
    for clip in clips:
        if not clip.part:
            rule = "part must be train or test in every row, or in none"
            raise UserError(rule, "an empty cell", clip.place)
        other = parts.setdefault(clip.subject, clip)
        if other.part != clip.part:
            rule = "All clips of a subject must be in the same part"
            received = f"{clip.part} for {clip.subject}, who is {other.part} in {other.place}"
            raise UserError(rule, received, clip.place)
    train, test = (
        [name for name in subjects if parts[name].part == part] for part in ("train", "test")
    )
    if not train or not test:
        rule = "Both parts, train and test, need a subject"
        raise UserError(rule, f"none in {'train' if not train else 'test'}", path)
    return train, test, "split: by the column part of the manifest"


def within_subject(clips: Sequence[CustomClip]) -> tuple[list[str], list[str]]:
    """Splits the clips of one subject: the last third of each action, at least one, tests.

    An action with a single clip only trains, and so do clips without a label. Recordings of "none"
    are in no part. Source: ours.

    Args:
        clips: The clips, in the manifest's order.

    Returns:
        Names of the training clips and of the test clips.
    """
    train: list[str] = []
    test: list[str] = []
    train += [clip.clip_id for clip in clips if not clip.action]
    for action in action_names(clips):
        own = [clip.clip_id for clip in clips if clip.action == action]
        count = max(1, len(own) // 3) if len(own) > 1 else 0
        train += own[: len(own) - count]
        test += own[len(own) - count :]
    return train, test


def _protocols(
    clips: Sequence[CustomClip], train: list[str], test: list[str]
) -> dict[str, dict[str, Any]]:
    if test:
        parts: dict[str, Any] = {"train_subjects": train, "test_subjects": test}
        return {"cross_subject": {**parts, "metric": "accuracy"}}
    names = zip(("train", "test"), within_subject(clips), strict=True)
    parts = {part: {"clip_id": clip_ids} for part, clip_ids in names}
    return {WITHIN_SUBJECT: {**parts, "metric": "accuracy"}}
