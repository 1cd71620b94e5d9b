"""Where a run reads and writes; nothing that changes its result."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from pskd_tf.pipeline.stage import Stage


def _ignore(epochs: int) -> None:
    del epochs


@dataclass(frozen=True)
class RunContext:
    """The folders of a run and how it reports.

    Attributes:
        prepared_dir: The prepared set.
        stages_dir: Results of stages, by name and key.
        run_dir: Log and TensorBoard files.
        record_every_epochs: Epochs from one epoch record to the next.
        strategy: How one training is spread over devices; see `device_strategy`.
        views_dir: Where trainings keep the views they draw for those after them; None keeps none.
        advance: Called with epochs as they are finished.
    """

    prepared_dir: Path
    stages_dir: Path
    run_dir: Path
    record_every_epochs: int = 10
    strategy: str = "none"
    views_dir: Path | None = None
    advance: Callable[[int], None] = _ignore

    def folder(self, stage: Stage) -> Path:
        """Returns the folder of a stage's result."""
        return stage.folder(self.stages_dir)

    def record(self, stage: Stage) -> Path:
        """Returns where a stage's epoch record lies while it lasts."""
        folder = self.folder(stage)
        return folder.with_name(f"{folder.name}.record.npz")

    def result(self, stage: Stage) -> dict:
        """Reads what a finished stage wrote about itself."""
        return json.loads((self.folder(stage) / "result.json").read_text(encoding="utf-8"))

    def log(self, message: str) -> None:
        """Appends one line to the run's log; lines of parallel workers never mix."""
        with open(self.run_dir / "log.txt", "a", encoding="utf-8") as stream:
            stream.write(message + "\n")
