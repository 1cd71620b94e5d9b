"""`RUN/recognizer.json`: the recognizer's settings chosen for a run, and what made them."""

import dataclasses
import json
from pathlib import Path
from typing import Any

from data_prep.user_error import UserError
from data_prep.whole_file import whole_file
from pskd_tf.simulation.recognizer_settings import RecognizerSettings

_NAME = "recognizer.json"


@dataclasses.dataclass(frozen=True)
class ChosenSettings:
    """Settings with their grounds.

    Attributes:
        settings: The recognizer's.
        made_by: JSON values: the bound, the recordings, the figures they reached.
    """

    settings: RecognizerSettings
    made_by: dict[str, Any]

    def write(self, run_dir: str | Path) -> Path:
        """Writes the file; an older one is replaced.

        Args:
            run_dir: The run that the settings are for.

        Returns:
            The file.
        """
        path = Path(run_dir) / _NAME
        with whole_file(path) as temporary:
            text = json.dumps(dataclasses.asdict(self), indent=2, allow_nan=False)
            temporary.write_text(f"{text}\n", encoding="utf-8")
        return path

    @classmethod
    def read(cls, run_dir: str | Path) -> "ChosenSettings | None":
        """Reads the file.

        Args:
            run_dir: The run.

        Returns:
            What was chosen; None if nothing was.

        Raises:
            UserError: The file holds something else.
        """
        path = Path(run_dir) / _NAME
        if not path.is_file():
            return None
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
            return cls(RecognizerSettings(**values["settings"]), values["made_by"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            rule = f"{_NAME} must be what --choose_threshold wrote"
            raise UserError(rule, error, path) from error
