"""Files in the forms in which loggers write them, of a known truth; without code of the package."""

from datetime import UTC, datetime, timedelta

import numpy as np

G = 9.80665
SECONDS = np.arange(150) / 50
ANGLE = 0.8 * np.sin(2 * np.pi * SECONDS)
TRUTH = np.stack([np.sin(ANGLE), np.cos(ANGLE), 0.3 * np.sin(9 * SECONDS) + 0.01], axis=1)
START = datetime(2022, 8, 4, 23, 59, 58, 500000, UTC)
MOMENTS = [START + timedelta(seconds=float(second)) for second in SECONDS]


def rows(*columns, separator: str = ",", end: str = "\n") -> str:
    """Returns lines of columns, each of texts or numbers."""
    cells = [[str(cell) for cell in column] for column in columns]
    return "".join(separator.join(row) + end for row in zip(*cells, strict=True))


def numbers(values: np.ndarray, digits: int = 9) -> list[str]:
    return [f"{value:.{digits}f}" for value in values]


def axes(values: np.ndarray) -> list[list[str]]:
    return [numbers(column) for column in values.T]


ISO = [moment.strftime("%Y-%m-%d %H:%M:%S.%f") for moment in MOMENTS]
NANOSECONDS = [str(1659657598500000000 + round(1e9 * second)) for second in SECONDS]
MILLISECONDS = [f"{1659657598500 + 1000 * second:.3f}" for second in SECONDS]
FILES = {
    "phyphox": '"Time (s)";"Acceleration x (m/s^2)";"Acceleration y (m/s^2)";'
    '"Acceleration z (m/s^2)";"Absolute acceleration (m/s^2)"\n'
    + rows(numbers(SECONDS), *axes(G * TRUTH), numbers(SECONDS), separator=";").replace(".", ","),
    "sensor_logger": "time,seconds_elapsed,z,y,x\n"
    + rows(NANOSECONDS, numbers(SECONDS), *axes(G * TRUTH[:, ::-1])),
    "sensorlog": "loggingTime(txt),accelerometerTimestamp_sinceReboot(s),"
    "accelerometerAccelerationX(G),accelerometerAccelerationY(G),accelerometerAccelerationZ(G)\n"
    + rows(ISO, numbers(SECONDS + 73000.25), *axes(-TRUTH)),
    "axivity": rows(ISO, *axes(TRUTH)),
    "actigraph": "------------ Data File Created By ActiGraph GT3X+ ActiLife v6.11.9 Firmware "
    "v2.5.0 date format M/d/yyyy at 50 Hz  Filter Normal -----------\n"
    + "Serial Number: NEO1D42110127\nStart Time 00:00:00\n" + "Header\n" * 6
    + "--------------------------------------------------\n"
    + "Accelerometer X,Accelerometer Y,Accelerometer Z\n" + rows(*axes(TRUTH)),
    "geneactiv": "Device Type,GENEActiv\n" + "\n" * 40 + "Measurement Frequency,50.0 Hz\n"
    + "Lux,0\n" * 58
    + rows([stamp[:-7] + ":" + stamp[-6:-3] for stamp in ISO], *axes(TRUTH), ["12"] * 150,
           ["0"] * 150, ["23.4"] * 150),
    "shimmer": "sep=\t\n" + "\t".join(f"Shimmer_9404_{name}_CAL" for name in
    ("Timestamp_Unix", "Accel_LN_X", "Accel_LN_Y", "Accel_LN_Z")) + "\t\n"
    + "ms\tm/(s^2)\tm/(s^2)\tm/(s^2)\t\n"
    + rows(MILLISECONDS, *axes(G * TRUTH), separator="\t", end="\t\n"),
    "movesense": "Timestamp,X,Y,Z\n" + rows(numbers(1000 * SECONDS + 5000), *axes(G * TRUTH)),
    "metabase": "epoc (ms),timestamp (-0700),elapsed (s),x-axis (g),y-axis (g),z-axis (g)\n"
    + rows(MILLISECONDS, ISO, numbers(SECONDS), *axes(TRUTH)),
    "physics_toolbox": "time,gFx,gFy,gFz,TgF\n"
    + rows(numbers(SECONDS), *axes(TRUTH), numbers(SECONDS)),
    "wisdm": rows(["33"] * 150, ["Jogging"] * 150, NANOSECONDS, *axes(G * TRUTH), end=";\n"),
    "pamap2": rows(numbers(SECONDS + 5.4), ["4"] * 150, ["NaN"] * 150, ["30.3"] * 150,
                   *axes(G * TRUTH), ["NaN"] * 150, separator=" "),
    "uci_har": rows(*axes(TRUTH), separator=" "),
}  # fmt: skip
