"""The data sets by name."""

import dataclasses
import importlib
from dataclasses import dataclass
from pathlib import Path

from data_prep.clip import SENSORS
from data_prep.errors import UserError
from data_prep.loader import DatasetOptions, Loader
from data_prep.settings import check_settings, part, setting

# The class in the module of each data set, imported when needed, because one of them needs
# scipy.signal, which takes longer than all the rest of a command, in every spawned worker again.
_LOADERS = {
    "synthetic": "SyntheticLoader",
    "utd_mhad": "UTDMHADLoader",
    "berkeley_mhad": "BerkeleyMHADLoader",
    "mmact": "MMActLoader",
    "smartfallmm": "SmartFallMMLoader",
    "mm_fit": "MMFitLoader",
    "czu_mhad": "CZUMHADLoader",
    "openpack": "OpenPackLoader",
    "custom": "CustomLoader",
}
DATASETS = tuple(_LOADERS)


@dataclass(frozen=True)
class DatasetArguments:
    """A data set as commands take it."""

    dataset: str = setting("synthetic", "Data set.", choices=DATASETS)
    raw_dir: str | None = setting(None, "Folder of the raw files; not for synthetic and custom.")
    quarantine: bool = setting(
        False, "List bad clips in quarantine.csv and leave them out; without it, stop at the first."
    )
    options: DatasetOptions = part(DatasetOptions)

    def __post_init__(self) -> None:
        check_settings(self)


def load_dataset(
    name: str,
    raw_dir: str | Path | None = None,
    seed: int = 0,
    options: DatasetOptions | None = None,
    sensors: tuple[str, ...] = SENSORS[:1],
) -> Loader:
    """Returns the loader of a data set.

    Args:
        name: One of `DATASETS`.
        raw_dir: Folder of its raw files; not used by a set without one.
        seed: Seed of generated data; not used by recordings.
        options: Options of its loader.
        sensors: What generated data have of `SENSORS`; recordings have what was recorded.

    Returns:
        The loader; nothing is read yet.

    Raises:
        UserError: The name is unknown, raw_dir is missing, or an option is not one of this data
            set or out of range.
    """
    if name not in DATASETS:
        raise UserError(f"The data set must be one of {', '.join(DATASETS)}", name)
    module = importlib.import_module(f"data_prep.loaders.{name}")
    loader = getattr(module, _LOADERS[name])
    known = {field.name: field for field in dataclasses.fields(loader)}
    given = dataclasses.asdict(options or DatasetOptions())
    given = {option: value for option, value in given.items() if value is not None}
    for option, value in given.items():
        if option not in known:
            own = [
                field.name for field in dataclasses.fields(DatasetOptions) if field.name in known
            ]
            choices = ", ".join(own) or "none"
            raise UserError(f"{name} has no option {option}; its options are: {choices}", value)
        if isinstance(known[option].default, int) and str(value).isdecimal():
            given[option] = int(value)  # a sensor is a number in one set and a name in another
    if "seed" in known:
        given["seed"] = seed
    if "sensors" in known:
        given["sensors"] = sensors
    if "raw_dir" in known:
        if not raw_dir:
            rule = (
                f"{name} needs a raw_dir with its files (data_prep.download gets them or says how)"
            )
            raise UserError(rule, "none")
        given["raw_dir"] = raw_dir
    made: Loader = loader(**given)
    return made
