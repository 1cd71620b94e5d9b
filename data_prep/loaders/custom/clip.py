"""Where one clip of a user's own recordings lies, as a row of her manifest says."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CustomClip:
    """One row of a manifest, or one annotation of a long recording; all fields are JSON values.

    Args:
        place: Where it is written ("manifest.csv, row 3"), for errors.
        clip_id: Unique name.
        subject: Who moved.
        action: Label of the action; empty for a recording that annotations will cut.
        trial: Which repetition.
        accelerometer_path: File relative to the manifest.
        accelerometer_columns: Three names of the header or indices from 0 ("1;2;3" or "1-3").
        accelerometer_unit: "g", "m/s^2", "mg" or "lsb".
        accelerometer_scale: g per LSB, None for other units.
        accelerometer_rate_hz: Stated rate, None if the stamps alone tell.
        accelerometer_stamp_column: Name or index; empty if the samples are evenly spaced.
        accelerometer_stamp_unit: "s", "ms", "us" or "ns"; empty without stamps.
        accelerometer_key: Which array of an .npz or .mat file.
        skeleton_path: File relative to the manifest; empty without a skeleton.
        skeleton_columns: Columns, joint after joint; none for all of the file.
        skeleton_rate_hz: Stated rate; None if the frames span the accelerometer's whole recording.
        skeleton_offset: Seconds from the first sample to the first frame.
        skeleton_unit: "m", "cm" or "mm"; "px" of coco_17 in two dimensions.
        skeleton_key: Which array of an .npz or .mat file.
        start: Seconds from the first sample; None for as early as both streams reach.
        end: Seconds from the first sample; None for as late as both streams reach.
        sensor_place: Where the sensor was worn.
        part: "train", "test", or empty if the manifest leaves it to the loader.
    """

    place: str
    clip_id: str
    subject: str
    action: str
    trial: str
    accelerometer_path: str
    accelerometer_columns: tuple[str, ...]
    accelerometer_unit: str
    accelerometer_scale: float | None = None
    accelerometer_rate_hz: float | None = None
    accelerometer_stamp_column: str = ""
    accelerometer_stamp_unit: str = ""
    accelerometer_key: str = ""
    skeleton_path: str = ""
    skeleton_columns: tuple[str, ...] = ()
    skeleton_rate_hz: float | None = None
    skeleton_offset: float = 0.0
    skeleton_unit: str = ""
    skeleton_key: str = ""
    start: float | None = None
    end: float | None = None
    sensor_place: str = "right_wrist"
    part: str = ""
