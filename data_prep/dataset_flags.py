"""The flags that name a data set and its options, shared by all commands that prepare one."""

import dataclasses

from absl import flags

from data_prep.loader import DatasetOptions
from data_prep.registry import DATASETS


def define_dataset_flags(default_dataset: str | None = None) -> None:
    """Defines --dataset, --raw_dir, --quarantine and one flag for each of `DatasetOptions`.

    Args:
        default_dataset: The value of --dataset if it is not given.
    """
    text, whole, real = flags.DEFINE_string, flags.DEFINE_integer, flags.DEFINE_float
    text("dataset", default_dataset, f"Data set: {', '.join(DATASETS)}.")
    text("raw_dir", None, "Folder of the raw files; not for synthetic and custom.")
    flags.DEFINE_bool(
        "quarantine", False, "List bad clips in quarantine.csv and leave them out; else stop."
    )
    whole("num_subjects", None, "Number of generated people; synthetic only.")
    whole("num_trials", None, "Clips of each generated person and action; synthetic only.")
    text(
        "sensor",
        None,
        "Worn sensor to read: 1 to 6 (berkeley_mhad), watch or phone (mmact), watch, phone, "
        "meta_wrist or meta_hip (smartfallmm).",
    )
    whole("camera", None, "Camera whose poses are read, 1 to 4; mmact only.")
    text("skeleton_source", None, "Body recording: optical, bvh or auto; berkeley_mhad only.")
    whole("accelerometer_rate_hz", None, "Rate to prepare, in Hz; berkeley_mhad only.")
    whole("skeleton_rate_hz", None, "Rate to prepare, in Hz; berkeley_mhad only.")
    real("rate_hz", None, "Rate of the prepared accelerometer, in Hz; custom only.")
    real(
        "longest_gap_seconds",
        None,
        "A longer gap between samples makes a clip bad; berkeley_mhad, mmact, smartfallmm.",
    )
    text("manifest", None, "CSV file that lists the recordings; custom only.")
    text("annotations", None, "CSV file that cuts recordings into clips; custom only.")
    text("skeleton_layout", None, "Name or JSON file of the skeleton's joints; custom only.")


def dataset_options_from_flags(values: flags.FlagValues) -> DatasetOptions:
    """Returns the options that the parsed flags give."""
    names = [field.name for field in dataclasses.fields(DatasetOptions)]
    return DatasetOptions(**{name: values[name].value for name in names})
