"""Ways to damage a file: of its bytes, each takes them and a generator, and returns other bytes; of
the file itself, `FILE_DAMAGE`.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

_NUMBERS = (b"abc", b"", b"nan", b"inf", b"1e30", b"-1e308", b"1.7e12", b"1e400", b"0", b"--1")


def cut(content: bytes, random: np.random.Generator) -> bytes:
    """Drops the end."""
    return content[: random.integers(len(content))]


def flip_bytes(content: bytes, random: np.random.Generator) -> bytes:
    """Changes bytes; half of the time near the start, where binary formats keep their headers."""
    damaged = bytearray(content)
    end = min(len(damaged), 200) if random.integers(2) else len(damaged)
    for place in random.integers(end, size=random.integers(1, 20)):
        damaged[place] ^= int(random.integers(1, 256))
    return bytes(damaged)


def other_digits(content: bytes, random: np.random.Generator) -> bytes:
    """Changes digits."""
    damaged = bytearray(content)
    digits = np.flatnonzero((np.frombuffer(content, np.uint8) - ord("0")) < 10)
    for place in random.choice(digits, size=random.integers(1, 4)):
        damaged[place] = ord("0") + int(random.integers(10))
    return bytes(damaged)


def nothing_left(content: bytes, random: np.random.Generator) -> bytes:
    """Leaves an empty file, a line break, zeros or the start of a zip archive."""
    return [b"", b"\n", b"\x00" * 100, b"PK\x03\x04"][random.integers(4)]


def shuffle_lines(content: bytes, random: np.random.Generator) -> bytes:
    """Shuffles some lines that follow each other."""
    lines = content.splitlines(keepends=True)
    start = random.integers(len(lines))
    part = lines[start : start + int(random.integers(2, len(lines) + 2))]
    random.shuffle(part)
    return b"".join(lines[:start] + part + lines[start + len(part) :])


def drop_lines(content: bytes, random: np.random.Generator) -> bytes:
    """Drops some lines that follow each other."""
    lines = content.splitlines(keepends=True)
    start = random.integers(len(lines))
    return b"".join(lines[:start] + lines[start + random.integers(1, len(lines) + 1) :])


def repeat_lines(content: bytes, random: np.random.Generator) -> bytes:
    """Writes about every fourth line twice."""
    lines = content.splitlines(keepends=True)
    return b"".join(line * int(random.choice([1, 1, 1, 2])) for line in lines)


def drop_column(
    content: bytes, random: np.random.Generator, separator: bytes | None = None
) -> bytes:
    """Drops a column; by default columns are separated by any white space."""
    rows = [line.split(separator) for line in content.split(b"\n")]
    column = random.integers(max(len(row) for row in rows))
    return b"\n".join((separator or b" ").join(row[:column] + row[column + 1 :]) for row in rows)


def drop_fields(content: bytes, random: np.random.Generator, separator: bytes = b" ") -> bytes:
    """Empties one to three fields."""
    return _replace_fields(content, random, separator, [b""])


def replace_numbers(content: bytes, random: np.random.Generator, separator: bytes = b" ") -> bytes:
    """Puts what is no number, or no possible one, into one to three fields."""
    return _replace_fields(content, random, separator, [*_NUMBERS, b'"'])


def _replace_fields(
    content: bytes, random: np.random.Generator, separator: bytes, new: list[bytes]
) -> bytes:
    fields = content.split(separator)
    for place in random.integers(len(fields), size=random.integers(1, 4)):
        fields[place] = new[random.integers(len(new))]
    return separator.join(fields)


def _flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(content)


def _make_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


# What can become of a file on a disk; each takes its path.
FILE_DAMAGE: dict[str, Callable[[Path], object]] = {
    "cut": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "empty": lambda path: path.write_bytes(b""),
    "flipped": _flip_a_bit,
    "removed": lambda path: path.unlink(),
    "folder": _make_a_folder,
    "list": lambda path: path.write_text("[1, [2]]\n"),
    "object": lambda path: path.write_text('{"files": 3, "seeds": [], "cell": null}\n'),
}
