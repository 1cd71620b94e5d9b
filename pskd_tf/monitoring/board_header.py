"""The line by which a board introduces itself."""

from dataclasses import dataclass

PROTOCOL_VERSION = 1


@dataclass(frozen=True)
class BoardHeader:
    """`pskd,VERSION,PROJECT,RUNTIME,RATE,RANGE,AXES,CLASSES`.

    Attributes:
        project: First digits of the SHA-256 of the export's manifest.
        runtime: "tflm" or "plain_c".
        rate_hz: Of the samples.
        range_g: Largest value of the sensor.
        axes: From the sensor's axes to those of the samples, as `AxisMap.parse` reads it.
        num_classes: Of the model.
    """

    project: str
    runtime: str
    rate_hz: float
    range_g: float
    axes: str
    num_classes: int
