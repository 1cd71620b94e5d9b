"""What really happened during a recording, and how late it was said."""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from data_prep.user_error import UserError
from pskd_tf.simulation.decision import Decision
from pskd_tf.simulation.exported_model import ExportedModel


@dataclass(frozen=True)
class LabelledSpan:
    """One activity of a recording.

    Attributes:
        start: In seconds, on the recording's clock.
        end: In seconds.
        label: A class's name.
    """

    start: float
    end: float
    label: str

    @classmethod
    def read_all(cls, path: str | Path, model: ExportedModel) -> list["LabelledSpan"]:
        """Reads a CSV file.

        Args:
            path: Its header is `start,end,label`.
            model: The export, whose labels it must use.

        Returns:
            The spans.

        Raises:
            UserError: There is no such file, or it holds something else.
        """
        try:
            rows = list(csv.reader(io.StringIO(Path(path).read_text(encoding="utf-8-sig"))))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise UserError("labels must be a readable text file", error, path) from error
        if not rows or [cell.strip() for cell in rows[0]] != ["start", "end", "label"]:
            received = ",".join(rows[0])[:60] if rows else "an empty file"
            raise UserError("The header must be start,end,label", received, path)
        spans = []
        for number, row in enumerate(rows[1:], 2):
            try:
                start, end, label = row
                span = cls(float(start), float(end), label.strip())
            except ValueError as error:
                rule = "A row must hold two times and a label"
                raise UserError(rule, f"{','.join(row)[:60]} in row {number}", path) from error
            if not (math.isfinite(span.start) and span.start < span.end < math.inf):
                raise UserError("A span must end after its start", f"row {number}", path)
            if span.label not in model.class_names:
                received = f"{span.label!r} in row {number}"
                raise UserError("A label must be one of the model's classes", received, path)
            spans.append(span)
        return spans

    def latency(self, decisions: Sequence[Decision], model: ExportedModel) -> float | None:
        """Returns the seconds from its start until its label was first said.

        Args:
            decisions: In order of time.
            model: The export.

        Returns:
            Of the first decision for its label whose movement or window overlaps it and that came
            after its start; None if there is none.
        """
        for decision in decisions:
            overlaps = decision.start < self.end and decision.end > self.start
            is_said = model.label_of(decision.activity) == self.label
            if overlaps and is_said and decision.decided >= self.start:
                return decision.decided - self.start
        return None
