"""Arguments that several commands share."""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

import pskd_tf
from data_prep.clip import Clip
from data_prep.commands import CommandArguments, packaged_file
from data_prep.errors import Refusal, UserError
from data_prep.preparation import prepare_dataset
from data_prep.prepared_set import PreparedSet
from data_prep.registry import DatasetArguments
from data_prep.settings import REQUIRED, part, setting
from pskd_tf.method import METHODS_FILE, read_methods
from pskd_tf.settings import RunSettings


@dataclass(frozen=True)
class RunArguments(CommandArguments):
    """A run's folder."""

    run_dir: Path = setting(REQUIRED, "Folder of the run of pskd_tf.train.")


@dataclass(frozen=True)
class PreparedArguments(RunArguments):
    """A run's folder and its prepared set."""

    prepared_dir: Path | None = setting(
        None, "Folder of the run's prepared set; RUN/prepared if not given."
    )

    @property
    def prepared(self) -> Path:
        """Folder of the prepared set."""
        return self.prepared_dir or self.run_dir / "prepared"


@dataclass(frozen=True)
class StagesArguments(PreparedArguments):
    """A run's folder, its prepared set and its stages."""

    stages_dir: Path | None = setting(
        None, "Folder of the run's stages, which runs may share; RUN/stages if not given."
    )

    @property
    def stages(self) -> Path:
        """Folder of the stages."""
        return self.stages_dir or self.run_dir / "stages"


@dataclass(frozen=True)
class TrainingArguments(StagesArguments):
    """What the commands that train take: the data set, the settings and where results lie."""

    dataset: DatasetArguments = part(DatasetArguments, "data")
    data_seed: int = setting(0, "Seed of generated data.", minimum=0, group="data")
    settings: RunSettings = part(RunSettings)
    methods_file: str = setting(
        METHODS_FILE,
        "The methods; see docs/benchmark.md.",
        group="distillation",
    )
    workers: int = setting(2, "Worker processes.", minimum=1)
    record_every_epochs: int = setting(
        10, "Epochs from one resumable record to the next.", minimum=1
    )
    strategy: str = setting(
        "none",
        "mirrored: each training runs on all GPUs; it needs --workers=1.",
        choices=("none", "mirrored"),
    )

    def prepare(self, folder: Path | None = None, *, replaces: bool = True) -> PreparedSet:
        """Prepares the data set, with a progress bar on a terminal.

        Args:
            folder: The prepared set's folder; that of the flags if None.
            replaces: See `prepare_dataset`.

        Returns:
            The prepared set.

        Raises:
            UserError: What `prepare_dataset` refuses.
        """
        return prepare_dataset(
            self.dataset.dataset,
            self.dataset.raw_dir,
            folder or self.prepared,
            self.data_seed,
            progress=_progress,
            options=self.dataset.options,
            quarantine=self.dataset.quarantine,
            workers=0,
            replaces=replaces,
            sensors=self.settings.inputs.sensors,
        )


@dataclass(frozen=True)
class TrainArguments(TrainingArguments):
    """What `pskd_tf.train` takes besides."""

    most_points_lost: float = setting(
        2.0,
        "Most that pruning, and again int8, may take from accuracy and from macro F1 on the "
        "training clips; more is a warning.",
        unit="points",
        minimum=0,
        maximum=100,
    )
    strict: bool = setting(
        False, "End with exit status 2 where more is lost; the results are written all the same."
    )
    method: str | None = setting(
        None,
        "Name of a method of methods_file that trains the student, with its own teachers and kind "
        "of their outputs; ACS (our reconstruction) by the flags if none is given.",
        group="distillation",
    )
    trial: int = setting(
        0, "Which of the method's trials, from 0.", minimum=0, group="distillation"
    )

    @property
    def run_settings(self) -> RunSettings:
        """The settings, with the method where one is named.

        Raises:
            UserError: The file cannot be read, or the method or trial is unknown or trains no net.
        """
        if self.method is None:
            if self.trial:
                raise UserError("A trial is one of a method's (--method)", self.trial)
            return self.settings
        methods_file = packaged_file(self.methods_file, pskd_tf.__file__)
        (method,) = read_methods(methods_file, (self.method,))
        return self.settings.with_method(method.with_trial(self.trial))


def _progress(clips: Iterable[Clip | Refusal], total: int) -> Iterable[Clip | Refusal]:
    return tqdm(clips, total=total, unit="clip", disable=not sys.stderr.isatty())
