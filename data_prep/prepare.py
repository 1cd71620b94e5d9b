"""Prepares a data set for training.

Examples:
    python -m data_prep.prepare --dataset=synthetic --out_dir=prepared/synthetic
    python -m data_prep.prepare --dataset=utd_mhad --raw_dir=downloads --out_dir=prepared/utd_mhad
    python -m data_prep.prepare --dataset=utd_mhad --raw_dir=downloads --out_dir=DIR --dry_run

`python -m data_prep.download` fetches the raw files or says where they are to be had.
`python -m pskd_tf.train` prepares by itself; this command is for a look at the data alone.
"""

import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from data_prep.clip import SENSORS, Clip, check_sensors_named
from data_prep.clip_reading import READERS
from data_prep.commands import CommandArguments, print_result, run_command
from data_prep.errors import Refusal
from data_prep.flags import flags_of
from data_prep.plausibility import prepared_doubts
from data_prep.preparation import prepare_dataset
from data_prep.prepared_set_tables import lost_classes, prepared_table
from data_prep.problems import problem_lines
from data_prep.registry import DATASETS, DatasetArguments, load_dataset
from data_prep.settings import REQUIRED, part, setting


@dataclass(frozen=True)
class _NamedDataset(DatasetArguments):
    """A data set that must be named, lest the generated one is prepared by mistake."""

    dataset: str = setting(REQUIRED, "Data set.", choices=DATASETS)


@dataclass(frozen=True)
class PrepareArguments(CommandArguments):
    """The data set, and who reads its clips."""

    out_dir: Path = setting(REQUIRED, "Folder to write the prepared set to.")
    dataset: _NamedDataset = part(_NamedDataset, "data")
    seed: int = setting(0, "Seed of generated data; not for recordings.", minimum=0, group="data")
    sensors: tuple[str, ...] = setting(
        SENSORS[:1],
        "What each clip must have of the worn sensor: accelerometer, or accelerometer,gyroscope.",
        choices=SENSORS,
        group="data",
    )
    runner: str = setting("processes", "What reads clips.", choices=READERS)
    workers: int = setting(0, "Clips read at the same time; 0 chooses.", minimum=0)
    ray_address: str | None = setting(
        None, "Address of the Ray cluster, for --runner=ray; a local one is started if not given."
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        check_sensors_named(self.sensors)


def main(arguments: PrepareArguments) -> None:
    """Prepares the data set that the flags name and prints a short table."""
    given, out_dir = arguments.dataset, arguments.out_dir
    if arguments.dry_run:
        loader = load_dataset(
            given.dataset, given.raw_dir, arguments.seed, given.options, arguments.sensors
        )
        found = loader.discover()
        print(f"would prepare {found.description.title}: {len(found.sources)} clips found")
        there = (out_dir / "dataset.json").exists()
        kept = "one is there and is kept if it is still up to date" if there else "new"
        print(f"would write the prepared set: {out_dir} ({kept})")
        return
    prepared = prepare_dataset(
        given.dataset,
        given.raw_dir,
        out_dir,
        arguments.seed,
        progress=_progress,
        options=given.options,
        quarantine=given.quarantine,
        runner=arguments.runner,
        workers=arguments.workers,
        ray_address=arguments.ray_address,
        sensors=arguments.sensors,
    )
    print(prepared_table(prepared))
    warnings = [*lost_classes(prepared), *prepared_doubts(prepared)]
    print("".join(f"{line}\n" for line in problem_lines(warnings)), end="")
    print_result(prepared.folder, *_train_command(arguments), "--run_dir=RUN")


def _train_command(arguments: PrepareArguments) -> list[str]:
    """Returns the command that trains on the set; train compares the set with the raw files."""
    given = arguments.dataset
    config = "demo" if given.dataset == "synthetic" else given.dataset
    command = ["python", "-m", "pskd_tf.train", f"--flagfile=configs/{config}.flags"]
    command += [f"--raw_dir={given.raw_dir}"] if given.raw_dir else []
    command += flags_of(given.options)
    command += [f"--data_seed={arguments.seed}"] if arguments.seed else []
    command += ["--quarantine"] if given.quarantine else []
    if arguments.sensors != SENSORS[:1]:
        command += [f"--sensors={','.join(arguments.sensors)}"]
    return [*command, f"--prepared_dir={arguments.out_dir}"]


def _progress(clips: Iterable[Clip | Refusal], total: int) -> Iterable[Clip | Refusal]:
    return tqdm(clips, total=total, unit="clip", disable=not sys.stderr.isatty())


if __name__ == "__main__":
    run_command(main, PrepareArguments)
