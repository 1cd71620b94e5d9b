"""Command: prepares a data set for training.

Example:
    python -m data_prep.prepare --dataset=utd_mhad --raw_dir=downloads --out_dir=prepared/utd_mhad
"""

import sys
from collections.abc import Iterable

from absl import flags
from tqdm import tqdm

from data_prep.clip import Clip
from data_prep.loaders.load_dataset import DATASETS
from data_prep.prepare_dataset import prepare_dataset
from data_prep.prepared_table import prepared_table
from data_prep.run_command import run_command
from data_prep.user_error import UserError

_DATASET = flags.DEFINE_string("dataset", None, f"Data set: {', '.join(DATASETS)}.")
_RAW_DIR = flags.DEFINE_string("raw_dir", None, "Folder of the raw files; not for synthetic.")
_OUT_DIR = flags.DEFINE_string("out_dir", None, "Folder to write the prepared set to.")
_SEED = flags.DEFINE_integer("seed", 0, "Seed of generated data, at least 0; not for recordings.")


def main() -> None:
    """Prepares the data set that the flags name and prints a short table."""
    for flag in (_DATASET, _OUT_DIR):
        if not flag.value:
            raise UserError(f"--{flag.name} must be given", "none")
    prepared = prepare_dataset(
        _DATASET.value, _RAW_DIR.value, _OUT_DIR.value, _SEED.value, progress=_progress
    )
    print(prepared_table(prepared))
    print(f"prepared set: {prepared.folder}")


def _progress(clips: Iterable[Clip], total: int) -> Iterable[Clip]:
    return tqdm(clips, total=total, unit="clip", disable=not sys.stderr.isatty())


if __name__ == "__main__":
    run_command(main)
