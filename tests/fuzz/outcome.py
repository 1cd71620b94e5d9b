"""What a reader makes of a file: read, refused in one line, or a finding."""

import hashlib
import re
import time
import traceback
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from data_prep.errors import UserError
from recording_readers import Reader

_LONGEST_LINE = 1500
_LONGEST_SECONDS = 5.0


@dataclass
class Tried:
    """The inputs that a reader was given.

    Attributes:
        reader: The reader.
        folder: Takes the first input of each finding.
        outcomes: Number of inputs that were read, refused or are findings.
        findings: Where each kind of finding was raised, and how often.
        slowest_seconds: The longest time that an input took.
    """

    reader: Reader
    folder: Path
    outcomes: Counter[str] = field(default_factory=Counter)
    findings: Counter[str] = field(default_factory=Counter)
    slowest_seconds: float = 0.0

    def give(self, content: bytes) -> None:
        """Gives the reader an input and counts what came of it."""
        started = time.perf_counter()
        try:
            finding = _finding(self.reader, content)
        except UserError:
            self.outcomes["refused"] += 1
            finding = ""
        else:
            self.outcomes["finding" if finding else "read"] += 1
        seconds = time.perf_counter() - started
        self.slowest_seconds = max(self.slowest_seconds, seconds)
        if seconds > _LONGEST_SECONDS:
            finding = finding or f"more than {_LONGEST_SECONDS:g} s"
        if finding:
            self.findings[finding] += 1
            if self.findings[finding] == 1:
                name = hashlib.sha256(finding.encode()).hexdigest()[:8]
                self.folder.mkdir(parents=True, exist_ok=True)
                (self.folder / name).write_bytes(content)


def _finding(reader: Reader, content: bytes) -> str:
    """Returns what is wrong with a reader's answer; "" if nothing is.

    Raises:
        UserError: The file is refused in one line.
    """
    try:
        reader.read(content)
    except UserError as error:
        if "\n" in str(error) or len(str(error)) > _LONGEST_LINE:
            return f"an error of {len(str(error))} characters: {str(error)[:80]!r}"
        raise
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        ours = [one for one in frames if re.search(r"/(data_prep|pskd_tf)/", one.filename)]
        place = (ours or frames)[-1]
        return f"{type(error).__name__} in {Path(place.filename).name}:{place.lineno}"
    return ""
