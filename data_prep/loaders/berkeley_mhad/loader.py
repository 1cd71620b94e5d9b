"""Berkeley MHAD: six worn accelerometers and optical motion capture (Ofli et al., WACV 2013)."""

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from data_prep.clip import Clip
from data_prep.dataset_description import DatasetDescription
from data_prep.loader import ClipSource, Discovery
from data_prep.loaders.berkeley_mhad.accelerometer import read_berkeley_mhad_accelerometer
from data_prep.loaders.berkeley_mhad.files import BerkeleyMHADFiles
from data_prep.loaders.berkeley_mhad.layout import (
    ACTION_NAMES,
    MARKER_NAMES,
    MARKER_PARENTS,
    SENSOR_PLACES,
    SUBJECTS,
    TRAIN_SUBJECTS,
)
from data_prep.loaders.berkeley_mhad.notes import berkeley_mhad_notes
from data_prep.loaders.berkeley_mhad.skeleton import read_berkeley_mhad_skeleton
from data_prep.made_by import made_by
from data_prep.raw.bvh_file import BvhFile
from data_prep.raw.raw_files import raw_sources
from data_prep.signals.common_time import common_time
from data_prep.signals.resample_stamps import resample_stamps
from data_prep.user_error import UserError

_SKELETON_SOURCES = ("auto", "optical", "bvh")
_LEAST_COMMON_HZ = 5  # so that cutting to whole common periods costs at most 0.2 s
_SHORTEST_SECONDS = 0.5
_NOTED_GAP_SECONDS = 0.2  # the 99th percentile is 0.08 s
_NOTED_CUT_SECONDS = 0.5  # the streams normally start and end within 0.1 s of each other


@dataclass(frozen=True)
class BerkeleyMHADLoader:
    """Berkeley MHAD with one of its six accelerometers; a `Loader`.

    Both streams are cut to their common time by their epoch stamps, and to whole common periods
    of both rates, so that first sample and first frame coincide, and last and last. A clip
    without usable motion capture keeps the whole accelerometer (note "no_skeleton").

    Args:
        raw_dir: Folder with the official folders or zip archives of them, at any depth.
        sensor: 1 left wrist, 2 right wrist, 3 left hip, 4 right hip, 5 left ankle, 6 right ankle.
        skeleton_source: "optical" takes the 43 markers, "bvh" the fitted joints, "auto" the
            markers unless there are only BVH files. One set holds one kind: their joints differ.
        accelerometer_rate_hz: Whole number. The recorded mean is 31.06 Hz with jittery stamps; 50
            is UTD-MHAD's rate, so that one firmware and one window length serve both sets. It
            adds no band: nothing above 15.5 Hz was recorded.
        skeleton_rate_hz: Whole number that shares a divisor of at least 5 with the other rate.
        longest_gap_seconds: A longer gap between accelerometer samples is an error.
        longest_marker_gap_seconds: A clip with a marker lost for longer goes without skeleton.

    Raises:
        UserError: An option is out of its range.
    """

    raw_dir: str | Path
    sensor: int = 2
    skeleton_source: str = "auto"
    accelerometer_rate_hz: int = 50
    skeleton_rate_hz: int = 30
    longest_gap_seconds: float = 1.0
    longest_marker_gap_seconds: float = 1.0

    def __post_init__(self) -> None:
        if self.sensor not in SENSOR_PLACES:
            raise UserError("The sensor must be 1 to 6", self.sensor)
        if self.skeleton_source not in _SKELETON_SOURCES:
            rule = f"skeleton_source must be one of {', '.join(_SKELETON_SOURCES)}"
            raise UserError(rule, self.skeleton_source)
        rates = (self.accelerometer_rate_hz, self.skeleton_rate_hz)
        whole = all(5 <= rate <= 480 and rate == int(rate) for rate in rates)
        if not whole or math.gcd(*map(int, rates)) < _LEAST_COMMON_HZ:
            rule = (
                "Both rates must be whole numbers of 5 to 480 Hz that share a divisor of at "
                f"least {_LEAST_COMMON_HZ}"
            )
            raise UserError(rule, f"{rates[0]} and {rates[1]}")
        if not (self.longest_gap_seconds > 0 and self.longest_marker_gap_seconds > 0):
            received = f"{self.longest_gap_seconds} and {self.longest_marker_gap_seconds}"
            raise UserError("The longest gaps must be positive", received)

    def discover(self) -> Discovery:
        """Finds the clips that have this sensor, ordered by subject, action, repetition.

        Returns:
            The description and the clips' sources.

        Raises:
            UserError: There is no file of this sensor or of the skeleton asked for, a number is
                out of range, or the hierarchy of the first BVH file is damaged.
        """
        found = BerkeleyMHADFiles.find(self.raw_dir, self.sensor)
        kind = self._skeleton_kind(found)
        names, parents, details = MARKER_NAMES, MARKER_PARENTS, {}
        if kind == "bvh":
            first = found.bvh[min(found.bvh)]
            bvh = BvhFile.parse(first.read(), first.name, motion=False)
            names, parents = bvh.joint_names, bvh.joint_parents
            details = {"joint_names": names, "joint_parents": parents}
        sources = []
        for key, item in sorted(found.accelerometer.items()):
            files = {"accelerometer": item}
            if kind == "bvh" and key in found.bvh:
                files["bvh"] = found.bvh[key]
            if key in found.optical and (kind == "optical" or "bvh" in files):
                files["optical"] = found.optical[key]  # beside a BVH file it tells the start
            subject, action, repetition = key
            sources.append(
                ClipSource(
                    clip_id=found.clip_name(key),
                    subject=str(subject),
                    action=action - 1,
                    trial=str(repetition),
                    files=files,
                    details=details,
                )
            )
        description = self._describe(sources, list(names), list(parents))
        description.source_notes.extend(berkeley_mhad_notes(found, kind))
        return Discovery(description, sources)

    def read(self, source: ClipSource) -> Clip:
        """Reads one clip.

        Args:
            source: One of `discover`'s.

        Returns:
            The clip. Its notes are those of `read_berkeley_mhad_accelerometer` and
            `read_berkeley_mhad_skeleton`, "gaps_bridged" for more than 0.2 s between samples, and
            "streams_cut" where the common time leaves out more than 0.5 s of a stream's end.

        Raises:
            UserError: A file is damaged, a gap too long, or the clip shorter than 0.5 s.
        """
        item = source.files["accelerometer"]
        content = item.read()
        stamps, values, notes = read_berkeley_mhad_accelerometer(content, item.name)
        flags = list(notes)
        sources = {"accelerometer": (item.name, hashlib.sha256(content).hexdigest())}
        joint_stamps, joints, notes, used = read_berkeley_mhad_skeleton(
            source, float(stamps[0]), self.longest_marker_gap_seconds
        )
        flags += notes
        sources |= used
        period = 1.0 / math.gcd(int(self.accelerometer_rate_hz), int(self.skeleton_rate_hz))
        if joints is None:
            period, joint_stamps = 1.0 / self.accelerometer_rate_hz, stamps
        start, end = common_time(stamps, joint_stamps, period, _SHORTEST_SECONDS, item.name)
        for stream in (stamps, joint_stamps):
            if max(start - stream[0], stream[-1] - end) > _NOTED_CUT_SECONDS:
                flags.append("streams_cut")
        values, longest_gap = resample_stamps(
            stamps,
            values,
            self.accelerometer_rate_hz,
            self.longest_gap_seconds,
            start_seconds=start,
            end_seconds=end,
            path=item.name,
        )
        if longest_gap > _NOTED_GAP_SECONDS:
            flags.append("gaps_bridged")
        if joints is not None:
            joints, _ = resample_stamps(
                joint_stamps,
                joints,
                self.skeleton_rate_hz,
                math.inf,  # its reader has judged the gaps
                start_seconds=start,
                end_seconds=end,
                path=sources["skeleton"][0],
            )
        return Clip(
            clip_id=source.clip_id,
            subject=source.subject,
            action=source.action,
            trial=source.trial,
            sensor_place=SENSOR_PLACES[self.sensor],
            accelerometer=values.astype(np.float32),
            skeleton=None if joints is None else joints.astype(np.float32),
            sources=sources,
            flags=tuple(dict.fromkeys(flags)),
        )

    def _skeleton_kind(self, found: BerkeleyMHADFiles) -> str:
        if self.skeleton_source == "auto":
            return "bvh" if found.bvh and not found.optical else "optical"
        if not getattr(found, self.skeleton_source):
            names = {"optical": "moc_s01_a01_r01.txt", "bvh": "skl_s01_a01_r01.bvh"}
            rule = f"This skeleton_source needs files named {names[self.skeleton_source]}"
            raise UserError(rule, "none", self.raw_dir)
        return self.skeleton_source

    def _describe(
        self, sources: list[ClipSource], names: list[str], parents: list[int]
    ) -> DatasetDescription:
        subjects = [name for name in SUBJECTS if any(name == item.subject for item in sources)]
        files = {item.name: item for source in sources for item in source.files.values()}
        return DatasetDescription(
            name="berkeley_mhad",
            title="Berkeley MHAD",
            is_synthetic=False,
            citation="F. Ofli, R. Chaudhry, G. Kurillo, R. Vidal, R. Bajcsy: Berkeley MHAD: A "
            "Comprehensive Multimodal Human Action Database. WACV 2013.",
            num_clips=len(sources),
            subjects=subjects,
            class_names=list(ACTION_NAMES),
            streams={
                "accelerometer": _stream("g", self.accelerometer_rate_hz),
                "skeleton": _stream("m", self.skeleton_rate_hz),
            },
            joint_names=names,
            joint_parents=parents,
            root_joint=parents.index(-1),
            up_axis=1,
            protocols={
                "cross_subject": {
                    "train_subjects": [name for name in subjects if name in TRAIN_SUBJECTS],
                    "test_subjects": [name for name in subjects if name not in TRAIN_SUBJECTS],
                    "metric": "accuracy",
                }
            },
            made_by=made_by(),
            wrist_place=SENSOR_PLACES[self.sensor],
            sources=raw_sources([files[name] for name in sorted(files)]),
            source_notes=[],
        )


def _stream(unit: str, rate_hz: float) -> dict[str, Any]:
    return {"unit": unit, "nominal_rate_hz": float(rate_hz), "channels": ["x", "y", "z"]}
