"""The raw files of a download, whether it is still a zip archive or already unpacked."""

import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from data_prep.fingerprint import file_sha256, json_sha256
from data_prep.raw.zip_member import ZipMember
from data_prep.user_error import UserError


@dataclass(frozen=True, slots=True)
class RawFile:
    """One raw file in a folder or in a zip archive; picklable, so that any worker can read it.

    Args:
        name: Where it is below the raw folder; in an archive "Inertial.zip/Inertial/a1...mat".
        path: The file on disk: the archive, or the file itself.
        member: Where in the archive it lies, None for a file of its own.
    """

    name: str
    path: Path
    member: ZipMember | None = None

    @property
    def base_name(self) -> str:
        """The last part of the name."""
        return self.name.rsplit("/", 1)[-1]

    def read(self) -> bytes:
        """Returns the file's bytes.

        Raises:
            UserError: The file cannot be read or the archive is damaged.
        """
        try:
            return self.member.read(self.path) if self.member else self.path.read_bytes()
        except Exception as error:  # zlib, struct, OSError, BadZipFile, RuntimeError (password)
            raise UserError("A raw file must be readable", error, self.name) from error


def find_raw_files(raw_dir: str | Path, pattern: str, archives: tuple[str, ...]) -> list[RawFile]:
    """Lists the raw files below a folder, in archives or unpacked, at any depth.

    Args:
        raw_dir: The folder of the download.
        pattern: Regular expression for the whole base name of a wanted file; case is ignored.
        archives: Names of the zip archives to look into, such as "Inertial.zip" or
            "acc_*_clip*.zip" (`fnmatch`); case is ignored.

    Returns:
        The files, sorted by name.

    Raises:
        UserError: The folder is missing, or an archive is empty or no zip.
    """
    raw_dir = Path(raw_dir)
    if not raw_dir.is_dir():
        raise UserError("The raw folder must exist", "no folder", raw_dir)
    wanted = re.compile(pattern, re.IGNORECASE)
    globs = [name.lower() for name in archives]
    found = []
    for path in raw_dir.rglob("*"):
        name = path.relative_to(raw_dir).as_posix()
        if any(fnmatchcase(path.name.lower(), glob) for glob in globs) and path.is_file():
            found += [item for item in _members(path, name) if wanted.fullmatch(item.base_name)]
        elif wanted.fullmatch(path.name) and path.is_file():
            found.append(RawFile(name, path))
    return sorted(found, key=lambda item: item.name)


def raw_sources(files: list[RawFile]) -> dict[str, str]:
    """Returns archive or folder -> SHA-256, by which a prepared set knows what it was made from.

    Args:
        files: The raw files used.

    Returns:
        For an archive the hash of its bytes, for a folder the hash over the names and hashes of
        its files.
    """
    archives: dict[str, str] = {}
    folders: dict[str, dict[str, str]] = {}
    for item in files:
        if item.member is not None:
            name = item.name.removesuffix(f"/{item.member.name}")
            if name not in archives:
                archives[name] = file_sha256(item.path)
        else:
            folder = f"{item.name.rpartition('/')[0] or '.'}/"
            folders.setdefault(folder, {})[item.base_name] = file_sha256(item.path)
    return archives | {folder: json_sha256(names) for folder, names in folders.items()}


def _members(path: Path, name: str) -> Iterator[RawFile]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [ZipMember.of(item) for item in archive.infolist() if not item.is_dir()]
    except Exception as error:  # a damaged directory raises more than BadZipFile
        raise UserError("An archive must be a whole zip file", error, name) from error
    if not members:
        raise UserError("An archive must hold files", "an empty zip file", name)
    for member in members:
        yield RawFile(f"{name}/{member.name}", path, member)
