"""What loggers write: separator and header are found in the file, the rest is listed here.

The formats are ours: written down from what is commonly known of each logger, and not yet compared
with files that it wrote. Apps change their columns, so a name is a pattern where versions differ.
Check the first lines of your own file; `movesense`, `wear_os`, `sensorlog` are the least certain.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class LoggerFormat:
    """The accelerometer in the files of one logger.

    Args:
        title: What writes it.
        columns: x, y and z; names, indices, or patterns between slashes, a minus before an axis
            that the logger turns round.
        unit: "g", "m/s^2", "mg" or "lsb".
        scale: g per LSB, None for other units.
        range_g: The largest magnitude on an axis that its sensor measures at its widest setting;
            None where that depends on the phone or watch.
        stamp_column: Name, index or pattern; empty if the samples are evenly spaced.
        stamp_unit: As `accelerometer_stamp_unit`.
        rate_hz: The logger's only rate, None if stamps or the file tell it.
        skip_rows: Lines above the table.
        rows: Which rows to take.
        subject: Column of the subject ("column 0"), empty if the file does not tell.
        action: Column of the action, empty if the file does not tell.
        rate_pattern: A pattern of the rate in the skipped lines; empty if they do not tell it.
        signature: A pattern that the beginning of a file of this logger holds; case is ignored.
        is_unique: Whether files of other loggers hold no such beginning.
    """

    title: str
    columns: tuple[str, str, str]
    unit: str
    scale: float | None = None
    range_g: float | None = None
    stamp_column: str = ""
    stamp_unit: str = ""
    rate_hz: float | None = None
    skip_rows: int = 0
    rows: str = ""
    subject: str = ""
    action: str = ""
    rate_pattern: str = ""
    signature: str = ""
    is_unique: bool = True

    @property
    def tells_rate(self) -> bool:
        """Whether the lines above the table hold the rate."""
        return bool(self.rate_pattern)

    def cells(self) -> dict[str, str]:
        """Returns the cells of a manifest that say the same."""
        return {
            "accelerometer_columns": ";".join(self.columns),
            "accelerometer_unit": self.unit,
            "accelerometer_scale": "" if self.scale is None else repr(self.scale),
            "accelerometer_range_g": "" if self.range_g is None else repr(self.range_g),
            "accelerometer_stamp_column": self.stamp_column,
            "accelerometer_stamp_unit": self.stamp_unit,
            "accelerometer_rate_hz": "" if self.rate_hz is None else repr(self.rate_hz),
            "accelerometer_skip_rows": str(self.skip_rows or ""),
            "accelerometer_rows": self.rows,
            "subject": self.subject,
            "action": self.action,
        }


def _axes(pattern: str) -> tuple[str, str, str]:
    """Returns the patterns of three columns whose names differ by the letter at "@"."""
    x, y, z = (f"/{pattern.replace('@', axis)}/" for axis in "xyz")
    return x, y, z


LOGGER_FORMATS: Mapping[str, LoggerFormat] = MappingProxyType(
    {
        "phyphox": LoggerFormat(
            "phyphox, 'Acceleration (with g)', CSV with any decimal sign",
            _axes(r"acceleration @ \(m/s\^2\)"),
            "m/s^2",
            stamp_column=r"/time \(s\)/",
            stamp_unit="s",
            signature=r'\A"?time \(s\)"?[,;\t]"?acceleration x \(m/s\^2\)',
        ),
        "sensor_logger": LoggerFormat(
            "Sensor Logger, TotalAcceleration.csv (Accelerometer.csv is without gravity)",
            ("x", "y", "z"),
            "m/s^2",
            stamp_column="time",
            stamp_unit="ns",
            signature=r"^time,seconds_elapsed,z,y,x\s*$",
        ),
        "sensorlog": LoggerFormat(
            "SensorLog for iOS, which gives gravity the sign opposite to Android's",
            (
                "-accelerometerAccelerationX(G)",
                "-accelerometerAccelerationY(G)",
                "-accelerometerAccelerationZ(G)",
            ),
            "g",
            stamp_column="accelerometerTimestamp_sinceReboot(s)",
            stamp_unit="s",
            signature=r"accelerometeraccelerationx\(g\)",
        ),
        "empatica_e4": LoggerFormat(
            "Empatica E4, ACC.csv: a row of the start, a row of the rate, then 1/64 g",
            ("0", "1", "2"),
            "lsb",
            scale=1 / 64,
            range_g=2.0,
            skip_rows=2,
            rate_pattern=r"\n\s*(\d+(?:\.\d+)?)\s*,",
            signature=r"\A(\d{9,}\.\d+), ?\1, ?\1\s*\n(\d+\.\d+), ?\2, ?\2\s*$",
        ),
        "axivity": LoggerFormat(
            "Axivity AX3 and AX6, CSV of OMGUI or Open Movement",
            ("1", "2", "3"),
            "g",
            range_g=16.0,
            stamp_column="0",
            stamp_unit="iso",
            signature=r"\A\d{4}-\d\d-\d\d[ t]\d\d:\d\d:\d\d\.\d+(,[-+\d.e]+){3}\s*$",
            is_unique=False,
        ),
        "actigraph": LoggerFormat(
            "ActiGraph GT3X, raw CSV of ActiLife without a column of stamps",
            _axes(r"accelerometer @"),
            "g",
            range_g=8.0,
            skip_rows=10,
            rate_pattern=r"\bat (\d+) hz",
            signature=r"\A-+ data file created by actigraph",
        ),
        "geneactiv": LoggerFormat(
            "GENEActiv, raw CSV: a hundred lines of header",
            ("1", "2", "3"),
            "g",
            range_g=8.0,
            stamp_column="0",
            stamp_unit="iso",
            skip_rows=100,
            signature=r"\Adevice type,geneactiv",
        ),
        "shimmer": LoggerFormat(
            "Shimmer3, Consensys CSV, calibrated low-noise accelerometer",
            _axes(r".*accel_ln_@_cal"),
            "m/s^2",
            range_g=2.0,
            stamp_column=r"/.*timestamp.*cal/",
            stamp_unit="ms",
            signature=r"shimmer_\w+_accel_ln_x_cal",
        ),
        "movesense": LoggerFormat(
            "Movesense Showcase, CSV",
            _axes(r"(?:acc_?)?@(?: ?\(m/s\^?2\))?"),
            "m/s^2",
            range_g=16.0,
            stamp_column=r"/time ?stamp.*/",
            stamp_unit="ms",
            signature=r"\Atime ?stamp,(acc_?)?x( \(m/s\^?2\))?,",
            is_unique=False,
        ),
        "metabase": LoggerFormat(
            "MetaBase (MbientLab MetaMotion), CSV",
            _axes(r"@-axis \(g\)"),
            "g",
            range_g=16.0,
            stamp_column=r"/elapsed \(s\)/",
            stamp_unit="s",
            signature=r"elapsed \(s\),x-axis \(g\)",
        ),
        "physics_toolbox": LoggerFormat(
            "Physics Toolbox Sensor Suite, g-force meter, time in seconds",
            _axes(r"gf@"),
            "g",
            stamp_column="time",
            stamp_unit="s",
            signature=r"^time,gfx,gfy,gfz",
        ),
        "wear_os": LoggerFormat(
            "Wear OS SensorEvents, rows of several sensors: sensor,timestamp,x,y,z",
            ("x", "y", "z"),
            "m/s^2",
            stamp_column="timestamp",
            stamp_unit="ns",
            rows="sensor=ACC",
            signature=r"\Asensor,timestamp,x,y,z",
            is_unique=False,
        ),
        "wisdm": LoggerFormat(
            "WISDM, raw: user,activity,timestamp,x,y,z; without a header",
            ("3", "4", "5"),
            "m/s^2",
            stamp_column="2",
            stamp_unit="ns",
            subject="column 0",
            action="column 1",
            signature=r"\A\d+,[a-z]+,\d+(,[-+\d.e]+){3};\s*$",
        ),
        "pamap2": LoggerFormat(
            "PAMAP2, Protocol/*.dat: the +-16 g accelerometer of the hand, without activity 0",
            ("4", "5", "6"),
            "m/s^2",
            range_g=16.0,
            stamp_column="0",
            stamp_unit="s",
            rows="1!=0",
            action="column 1",
            signature=r"\A[\d.]+ \d+ (\d+|nan) [\d.]+( [-+\w.]+){4,50}\s*$",
        ),
        "uci_har": LoggerFormat(
            "UCI HAR (HAPT), RawData/acc_*.txt: 50 Hz in g",
            ("0", "1", "2"),
            "g",
            rate_hz=50.0,
            signature=r"\A *[-+\d.e]+ +[-+\d.e]+ +[-+\d.e]+ *$",
            is_unique=False,
        ),
    }
)
