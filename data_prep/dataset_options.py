"""What may be chosen about a data set besides its raw folder."""

from dataclasses import dataclass


@dataclass(frozen=True)
class DatasetOptions:
    """Options of all loaders; None stands for "not given", the loader's own default.

    A loader takes only its own; `load_dataset` refuses one that it does not know.

    Args:
        num_subjects: Number of generated people (synthetic).
        num_trials: Number of generated clips of each person and action (synthetic).
        sensor: Which of several worn sensors is read: 1 to 6 (berkeley_mhad), watch or phone
            (mmact), watch, phone, meta_wrist or meta_hip (smartfallmm).
        camera: Whose poses are read, 1 to 4 (mmact).
        skeleton_source: Which recording of the body is read: optical, bvh or auto
            (berkeley_mhad).
        accelerometer_rate_hz: Rate of the prepared accelerometer (berkeley_mhad).
        skeleton_rate_hz: Rate of the prepared skeleton (berkeley_mhad).
        rate_hz: Rate of the prepared accelerometer (custom).
        longest_gap_seconds: A longer gap between samples makes a clip bad (berkeley_mhad, mmact,
            smartfallmm).
        manifest: The file that lists the recordings (custom).
        annotations: The file that cuts recordings into clips (custom).
        skeleton_layout: Name or JSON file of the skeleton's joints (custom).
    """

    num_subjects: int | None = None
    num_trials: int | None = None
    sensor: str | None = None
    camera: int | None = None
    skeleton_source: str | None = None
    accelerometer_rate_hz: int | None = None
    skeleton_rate_hz: int | None = None
    rate_hz: float | None = None
    longest_gap_seconds: float | None = None
    manifest: str | None = None
    annotations: str | None = None
    skeleton_layout: str | None = None
