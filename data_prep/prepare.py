"""Command: prepares a data set for training.

Examples:
    python -m data_prep.prepare --dataset=synthetic --out_dir=prepared/synthetic
    python -m data_prep.prepare --dataset=utd_mhad --raw_dir=downloads --out_dir=prepared/utd_mhad
    python -m data_prep.prepare --dataset=utd_mhad --raw_dir=downloads --out_dir=DIR --dry_run

`python -m data_prep.download` fetches the raw files or says where they are to be had.
`python -m pskd_tf.train` prepares by itself; this command is for a look at the data alone.
"""

import dataclasses
import sys
from collections.abc import Iterable
from pathlib import Path

from absl import flags
from tqdm import tqdm

from data_prep.clip import Clip
from data_prep.commands import print_result, run_command
from data_prep.dataset_flags import dataset_options_from_flags, define_dataset_flags
from data_prep.errors import UserError
from data_prep.loader import DatasetOptions
from data_prep.preparation import prepare_dataset
from data_prep.prepared_set import prepared_table
from data_prep.registry import load_dataset
from data_prep.workers import RUNNERS

define_dataset_flags()
flags.adopt_module_key_flags(sys.modules[define_dataset_flags.__module__])  # for --help
_OUT_DIR = flags.DEFINE_string("out_dir", None, "Folder to write the prepared set to.")
_SEED = flags.DEFINE_integer("seed", 0, "Seed of generated data, at least 0; not for recordings.")
_RUNNER = flags.DEFINE_string("runner", "processes", f"What reads clips: {', '.join(RUNNERS)}.")
_WORKERS = flags.DEFINE_integer("workers", 0, "Clips read at the same time; 0 chooses.")
_RAY_ADDRESS = flags.DEFINE_string(
    "ray_address", None, "Address of the Ray cluster; with --runner=ray only; a local one if unset."
)
_DRY_RUN = flags.DEFINE_bool("dry_run", False, "Say what would be done; write nothing.")


def main() -> None:
    """Prepares the data set that the flags name and prints a short table."""
    values = flags.FLAGS
    for name in ("dataset", "out_dir"):
        if not values[name].value:
            raise UserError(f"--{name} must be given", "none")
    options = dataset_options_from_flags(values)
    if _DRY_RUN.value:
        found = load_dataset(values.dataset, values.raw_dir, _SEED.value, options).discover()
        print(f"would prepare {found.description.title}: {len(found.sources)} clips found")
        there = (Path(_OUT_DIR.value) / "dataset.json").exists()
        kept = "one is there and is kept if it is still up to date" if there else "new"
        print(f"would write the prepared set: {_OUT_DIR.value} ({kept})")
        return
    prepared = prepare_dataset(
        values.dataset,
        values.raw_dir,
        _OUT_DIR.value,
        _SEED.value,
        progress=_progress,
        options=options,
        quarantine=values.quarantine,
        runner=_RUNNER.value,
        workers=_WORKERS.value,
        ray_address=_RAY_ADDRESS.value,
    )
    print(prepared_table(prepared))
    print_result(prepared.folder, *_train_command(values, options), "--run_dir=RUN")


def _train_command(values: flags.FlagValues, options: DatasetOptions) -> list[str]:
    """What train has to be told again, because it checks the set against the raw files."""
    config = "demo" if values.dataset == "synthetic" else values.dataset
    given = {"raw_dir": values.raw_dir} | dataclasses.asdict(options)
    given["data_seed"] = _SEED.value or None
    command = ["python", "-m", "pskd_tf.train", f"--flagfile=configs/{config}.flags"]
    command += [f"--{name}={value}" for name, value in given.items() if value is not None]
    command += ["--quarantine"] if values.quarantine else []
    return [*command, f"--prepared_dir={_OUT_DIR.value}"]


def _progress(clips: Iterable[Clip], total: int) -> Iterable[Clip]:
    return tqdm(clips, total=total, unit="clip", disable=not sys.stderr.isatty())


if __name__ == "__main__":
    run_command(main)
