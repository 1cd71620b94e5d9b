"""Raw files in folders and in zip archives.

`find_raw_files` lists them in either place as `RawFile`s, which any worker can read. `ReadOnce`
keeps those of long recordings, out of which many clips are cut. `raw_sources` hashes what a
prepared set is made from.
"""

import hashlib
import re
import struct
import zipfile
import zlib
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from data_prep.errors import UserError
from data_prep.files import check_unpacked_size, file_sha256, json_sha256, natural_order

_Key = TypeVar("_Key")
_HEADER = struct.Struct("<4s5H3L2H")  # APPNOTE.TXT 4.3.7, the local file header
_SIGNATURE = b"PK\x03\x04"
_ENCRYPTED = 0x1


@dataclass(frozen=True, slots=True)
class ZipMember:
    """The place of a member's bytes in its archive; small and picklable.

    To open an archive is to parse its whole directory, which takes longer than to read one of many
    small members. With its place a member can be read from any process without the directory.

    Args:
        name: The name within the archive.
        offset: Where its local header starts in the archive, bytes.
        packed_size: Its size in the archive, bytes.
        size: Its own size, bytes.
        checksum: CRC-32 of its bytes.
        method: How it is packed (`zipfile.ZIP_STORED`, `ZIP_DEFLATED`, ...).
        is_encrypted: Whether it needs a password.
    """

    name: str
    offset: int
    packed_size: int
    size: int
    checksum: int
    method: int
    is_encrypted: bool

    @classmethod
    def of(cls, item: zipfile.ZipInfo) -> "ZipMember":
        """Returns the place of a member that `ZipFile.infolist` lists."""
        return cls(
            name=item.filename,
            offset=item.header_offset,
            packed_size=item.compress_size,
            size=item.file_size,
            checksum=item.CRC,
            method=item.compress_type,
            is_encrypted=bool(item.flag_bits & _ENCRYPTED),
        )

    def read(self, archive: Path) -> bytes:
        """Returns the member's bytes.

        Args:
            archive: The zip file.

        Raises:
            OSError: The archive cannot be read.
            ValueError: The member is too large when unpacked.
            RuntimeError: The member needs a password.
            Exception: The archive is damaged: BadZipFile, zlib.error, struct.error, ...
        """
        check_unpacked_size(self.size)
        if self.is_encrypted or self.method not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            with zipfile.ZipFile(archive) as stream:  # rare, so slow will do
                return stream.read(self.name)
        with open(archive, "rb") as stream:
            stream.seek(self.offset)
            header = _HEADER.unpack(stream.read(_HEADER.size))
            if header[0] != _SIGNATURE:
                raise zipfile.BadZipFile("no member where the archive's directory says")
            stream.seek(header[-2] + header[-1], 1)  # its name and extra field
            content = stream.read(self.packed_size)
        if self.method == zipfile.ZIP_DEFLATED:
            # One byte more than the directory states is enough to see that it is wrong.
            content = zlib.decompressobj(-zlib.MAX_WBITS).decompress(content, self.size + 1)
        if len(content) != self.size or zlib.crc32(content) != self.checksum:
            raise zipfile.BadZipFile(f"Bad CRC-32 for file {self.name!r}")
        return content


@dataclass(frozen=True, slots=True)
class RawFile:
    """One raw file in a folder or in a zip archive; picklable, so that any worker can read it.

    A folder stands for the .json files in it, one after the other in natural order.

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
            if self.path.is_dir():
                return _frames(self.path)
            return self.member.read(self.path) if self.member else self.path.read_bytes()
        except Exception as error:  # zlib, struct, OSError, BadZipFile, RuntimeError (password)
            raise UserError("A raw file must be readable", error, self.name) from error

    def read_with_source(self) -> tuple[bytes, tuple[str, str]]:
        """Returns the file's bytes, and its name and SHA-256 as in `Clip.sources`.

        Raises:
            UserError: The file cannot be read or the archive is damaged.
        """
        content = self.read()
        return content, (self.name, hashlib.sha256(content).hexdigest())


def frame_files(folder: Path) -> list[Path]:
    """Returns the .json files of a folder in natural order, each of which is a frame."""
    return [folder / name for name in natural_order(path.name for path in folder.glob("*.json"))]


def _frames(folder: Path) -> bytes:
    contents, before = [], None
    for path in frame_files(folder):
        content = path.read_bytes()
        numbers = re.findall(r"\d+", path.stem)
        number = int(numbers[-1]) if numbers else None
        if not content.strip():
            raise ValueError(f"{path.name} is empty")
        if number is None or (before is not None and number != before + 1):
            raise ValueError(f"{path.name} does not follow frame {before}")
        before = number
        contents.append(content)
    return b"\n".join(contents)


_MOST_BYTES = 256 * 2**20  # about 18 h of an accelerometer at 100 Hz with stamps
_STREAMS_OF_A_CLIP = 2  # are kept however large they are


@dataclass(frozen=True, eq=False)
class _Entry:
    value: Any
    source: tuple[str, str]
    num_bytes: int


class ReadOnce:
    """The recordings that were read last, up to 256 MB of them.

    A worker process that is sent one begins without any.
    """

    def __init__(self) -> None:
        self._entries: OrderedDict[Hashable, _Entry] = OrderedDict()

    def __reduce__(self) -> tuple[type["ReadOnce"], tuple[()]]:
        return type(self), ()

    def read(
        self, key: Hashable, item: RawFile, name: str, parse: Callable[[bytes], Any]
    ) -> tuple[Any, tuple[str, str]]:
        """Returns what `parse` makes of a file, and the file's name and SHA-256.

        Args:
            key: Tells apart what else the value depends on, and holds the file itself.
            item: The file.
            name: The file's name, for errors; may differ from clip to clip.
            parse: Makes a record of arrays out of the file's bytes.

        Raises:
            UserError: The file cannot be read, or `parse` refuses it; for each clip again.
        """
        entry = self._entries.get(key)
        if entry is None:
            content, source = item.read_with_source()
            try:
                value = parse(content)
            except UserError as error:  # the same for all clips of the file
                value = error
            entry = self._entries[key] = _Entry(value, source, _num_bytes(value))
        self._entries.move_to_end(key)
        while len(self._entries) > _STREAMS_OF_A_CLIP and self._num_bytes > _MOST_BYTES:
            self._entries.popitem(last=False)
        if isinstance(entry.value, UserError):
            raise UserError(entry.value.rule, entry.value.received, name)
        return entry.value, entry.source

    @property
    def _num_bytes(self) -> int:
        return sum(entry.num_bytes for entry in self._entries.values())


def _num_bytes(value: Any) -> int:
    """Returns how much memory the arrays of a record take."""
    return sum(part.nbytes for part in vars(value).values() if isinstance(part, np.ndarray))


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


def add_raw_file(found: dict[_Key, RawFile], key: _Key, item: RawFile) -> None:
    """Adds a file under its clip's key; an archive may lie beside its unpacked folder.

    Args:
        found: The files of one stream by clip; changed in place.
        key: The clip.
        item: The file.

    Raises:
        UserError: The clip has another file with other bytes.
    """
    if key in found and found[key].read() != item.read():
        rule = "A file found twice must be the same in both places"
        raise UserError(rule, found[key].name, item.name)
    found.setdefault(key, item)


def raw_sources(files: list[RawFile]) -> dict[str, str]:
    """Returns archive or folder -> SHA-256, the identity of the raw data of a prepared set.

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
            own = folders.setdefault(folder, {})
            if item.path.is_dir():
                own[item.base_name] = hashlib.sha256(item.read()).hexdigest()
            else:
                own[item.base_name] = file_sha256(item.path)
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
