"""Berkeley MHAD (Ofli et al., WACV 2013): which files make a clip, and its streams on one clock.

`streams.py` reads the single streams; here they are found, cut to their common time and resampled.
"""

import math
import re
from dataclasses import dataclass
from pathlib import Path

from data_prep.clip import Clip
from data_prep.dataset_description import DatasetDescription
from data_prep.errors import UserError
from data_prep.formats.archives import RawFile, add_raw_file, find_raw_files
from data_prep.formats.bvh import BvhFile
from data_prep.loader import ClipSource, Discovery, recorded_set, subject_protocol
from data_prep.loaders.berkeley_mhad.streams import (
    ACTION_NAMES,
    KNOWN_MISSING,
    MARKER_NAMES,
    MARKER_PARENTS,
    NUM_REPETITIONS,
    SENSOR_PLACES,
    SUBJECTS,
    TRAIN_SUBJECTS,
    read_berkeley_mhad_accelerometer,
    read_berkeley_mhad_skeleton,
)
from data_prep.skeletons import SkeletonLayout
from data_prep.stream_pairs import StampedStream, even_pair

ClipKey = tuple[int, int, int]  # subject, action, repetition, as in the file names

_FILE_NAME = r"(?:acc_h(\d\d)|(moc)|(skl))_s(\d\d)_a(\d\d)_r(\d\d)\.(?:txt|bvh)"
_ARCHIVES = ("*.zip",)


@dataclass(frozen=True)
class BerkeleyMHADFiles:
    """The files of one sensor and of the motion capture, by clip.

    Args:
        accelerometer: The sensor's files.
        optical: The optical motion capture's files.
        bvh: The fitted skeletons' files.
    """

    accelerometer: dict[ClipKey, RawFile]
    optical: dict[ClipKey, RawFile]
    bvh: dict[ClipKey, RawFile]

    @classmethod
    def find(cls, raw_dir: str | Path, sensor: int) -> "BerkeleyMHADFiles":
        """Looks for the files in folders and zip archives, at any depth and in any case.

        Args:
            raw_dir: The folder of the download.
            sensor: Number of the accelerometer.

        Returns:
            The files. Those of other sensors and all others are ignored.

        Raises:
            UserError: The folder or the sensor's files are missing, an archive is damaged, a
                number is out of range, or a clip is there twice with different bytes.
        """
        found = cls({}, {}, {})
        for item in find_raw_files(raw_dir, _FILE_NAME, _ARCHIVES):
            match = re.fullmatch(_FILE_NAME, item.base_name, re.IGNORECASE)
            if match is None or (match[1] and int(match[1]) != sensor):
                continue
            files = found.accelerometer if match[1] else found.optical if match[2] else found.bvh
            key = (int(match[4]), int(match[5]), int(match[6]))
            limits = (len(SUBJECTS), len(ACTION_NAMES), NUM_REPETITIONS)
            if not all(1 <= number <= limit for number, limit in zip(key, limits, strict=True)):
                rule = "Berkeley MHAD has subjects 1 to 12, actions 1 to 11, repetitions 1 to 5"
                raise UserError(rule, key, item.name)
            add_raw_file(files, key, item)
        if not found.accelerometer:
            rule = f"Berkeley MHAD needs files named acc_h{sensor:02d}_s01_a01_r01.txt"
            raise UserError(rule, "none", raw_dir)
        return found

    @staticmethod
    def clip_name(key: ClipKey) -> str:
        """Returns a clip's name as the official files spell it, such as "s01_a01_r01"."""
        return "s{:02d}_a{:02d}_r{:02d}".format(*key)


_MOST_NAMED = 5
_KINDS = {
    "optical": "43 optical markers; their names, sides and tree are pskd_tf's own, read off one "
    "clip's geometry",
    "bvh": "joints of the fitted BVH skeletons",
}


def berkeley_mhad_notes(files: BerkeleyMHADFiles, kind: str) -> list[str]:
    """Returns remarks on the files found, for the report and the model card.

    Args:
        files: The files.
        kind: "optical" or "bvh", the skeleton in use.

    Returns:
        One sentence each, without full stop.
    """
    clips = files.accelerometer
    skeletons = files.bvh if kind == "bvh" else files.optical
    subjects = sorted({key[0] for key in clips})
    notes = [
        "the accelerometers are uncalibrated: still hip and ankle sensors read 0.75 to 0.87 g",
        f"skeleton: {_KINDS[kind]}",
    ]
    if len(subjects) < len(SUBJECTS):
        listed = ", ".join(map(str, subjects))
        notes.append(f"incomplete: subjects {listed} of 1 to {len(SUBJECTS)} are present")
    test = {int(subject) for subject in SUBJECTS if subject not in TRAIN_SUBJECTS}
    for part, members in (("test", test), ("train", {int(name) for name in TRAIN_SUBJECTS})):
        if not members & set(subjects):
            notes.append(f"cross_subject has no {part} part: none of its subjects is present")
    expected = {
        (subject, action, repetition)
        for subject in subjects
        for action in range(1, len(ACTION_NAMES) + 1)
        for repetition in range(1, NUM_REPETITIONS + 1)
    }
    for key, reason in KNOWN_MISSING.items():
        if key in expected and key not in clips:
            notes.append(f"known: {files.clip_name(key)} {reason}")
    missing = sorted(expected - set(clips) - set(KNOWN_MISSING))
    if missing:
        notes.append(f"incomplete: {_listed(missing)} of the subjects present missing")
    lacking = sorted(set(clips) - set(skeletons))
    if lacking:
        notes.append(f"no_skeleton: {_listed(lacking)} without motion capture")
    return notes


def _listed(keys: list[ClipKey]) -> str:
    names = ", ".join(BerkeleyMHADFiles.clip_name(key) for key in keys[:_MOST_NAMED])
    more = ", ..." if len(keys) > _MOST_NAMED else ""
    return f"{len(keys)} clips ({names}{more})"


_SKELETON_SOURCES = ("auto", "optical", "bvh")
_LEAST_COMMON_HZ = 5  # so that cutting to whole common periods costs at most 0.2 s
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
            UserError: There is no file of this sensor or of the chosen skeleton, a number is
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
                files["optical"] = found.optical[key]  # beside a BVH file it gives the start
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
        sources = {}
        content, sources["accelerometer"] = item.read_with_source()
        stamps, values, notes = read_berkeley_mhad_accelerometer(content, item.name)
        flags = list(notes)
        joint_stamps, joints, notes, used = read_berkeley_mhad_skeleton(
            source, float(stamps[0]), self.longest_marker_gap_seconds
        )
        flags += notes
        sources |= used
        sensor = StampedStream(
            stamps, values, self.accelerometer_rate_hz, self.longest_gap_seconds, item.name
        )
        skeleton = None
        if joints is not None:  # `read_berkeley_mhad_skeleton` has checked its gaps
            skeleton = StampedStream(
                joint_stamps, joints, self.skeleton_rate_hz, math.inf, sources["skeleton"][0]
            )
        pair = even_pair(sensor, skeleton)
        for stream in (sensor, skeleton or sensor):
            unused = max(pair.start - stream.stamps[0], stream.stamps[-1] - pair.end)
            if unused > _NOTED_CUT_SECONDS:
                flags.append("streams_cut")
        if pair.longest_gap_seconds > _NOTED_GAP_SECONDS:
            flags.append("gaps_bridged")
        return source.clip(
            sensor_place=SENSOR_PLACES[self.sensor],
            accelerometer=pair.sensor,
            skeleton=pair.skeleton,
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
        rates = {"accelerometer": self.accelerometer_rate_hz, "skeleton": self.skeleton_rate_hz}
        return recorded_set(
            sources,
            SkeletonLayout(tuple(names), tuple(parents)),
            rates,
            name="berkeley_mhad",
            title="Berkeley MHAD",
            citation="F. Ofli, R. Chaudhry, G. Kurillo, R. Vidal, R. Bajcsy: Berkeley MHAD: A "
            "Comprehensive Multimodal Human Action Database. WACV 2013.",
            subjects=subjects,
            class_names=list(ACTION_NAMES),
            protocols={"cross_subject": subject_protocol(subjects, SUBJECTS[7:], "accuracy")},
            wrist_place=SENSOR_PLACES[self.sensor],
            source_notes=[],
        )
