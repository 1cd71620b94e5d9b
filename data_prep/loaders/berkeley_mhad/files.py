"""Which of Berkeley MHAD's files there are."""

import re
from dataclasses import dataclass
from pathlib import Path

from data_prep.loaders.berkeley_mhad.layout import ACTION_NAMES, NUM_REPETITIONS, SUBJECTS
from data_prep.raw.raw_files import RawFile, find_raw_files
from data_prep.user_error import UserError

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
            if key not in files:
                files[key] = item
            elif files[key].read() != item.read():  # an archive beside its folder is fine
                rule = "A file found twice must be the same in both places"
                raise UserError(rule, files[key].name, item.name)
        if not found.accelerometer:
            rule = f"Berkeley MHAD needs files named acc_h{sensor:02d}_s01_a01_r01.txt"
            raise UserError(rule, "none", raw_dir)
        return found

    @staticmethod
    def clip_name(key: ClipKey) -> str:
        """Returns a clip's name as the official files spell it, such as "s01_a01_r01"."""
        return "s{:02d}_a{:02d}_r{:02d}".format(*key)
