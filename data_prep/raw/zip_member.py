"""One member of a zip archive, found by its place instead of by an open archive."""

import struct
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path

_HEADER = struct.Struct("<4s5H3L2H")  # APPNOTE.TXT 4.3.7, the local file header
_SIGNATURE = b"PK\x03\x04"
_ENCRYPTED = 0x1


@dataclass(frozen=True, slots=True)
class ZipMember:
    """Where a member's bytes lie; small and picklable.

    Opening an archive parses its whole directory, which takes longer than reading one of many
    small members. The place is enough to read a member from any process without that.

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
            RuntimeError: The member needs a password.
            Exception: The archive is damaged: BadZipFile, zlib.error, struct.error, ...
        """
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
            # One byte more than promised is enough to see that the promise is broken.
            content = zlib.decompressobj(-zlib.MAX_WBITS).decompress(content, self.size + 1)
        if len(content) != self.size or zlib.crc32(content) != self.checksum:
            raise zipfile.BadZipFile(f"Bad CRC-32 for file {self.name!r}")
        return content
