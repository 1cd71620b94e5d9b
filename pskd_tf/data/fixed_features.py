"""The worn sensor's features in fixed point, for cores without floating point unit.

`FixedFeatures.prepare` computes what `microcontroller/src/accelerometer_features_fixed.c` computes,
byte for byte; `FixedFeatures.macros` gives the multipliers to C. Source: ours.
"""

import math
from dataclasses import dataclass

import numpy as np

from data_prep.errors import UserError
from pskd_tf.data.features import GYROSCOPE_UNIT
from pskd_tf.input_settings import InputSettings

# The two arithmetics among which an export chooses.
FEATURES = ("float", "fixed")
UNITS_PER_G = 2048
LARGEST_VALUE = 32767


def fixed_point(samples: np.ndarray) -> np.ndarray:
    """Rounds samples to 1/2048 g, halves away from zero, within 16 g; turn rates likewise.

    Args:
        samples: `(..., axes)` in g, or in units of `GYROSCOPE_UNIT`; they are taken as float32.

    Returns:
        int64 of the same shape, from -32767 to 32767.

    Raises:
        UserError: A sample is NaN or infinite.
    """
    scaled = np.asarray(samples, np.float32).astype(np.float64) * UNITS_PER_G
    if not np.isfinite(scaled).all():
        raise UserError("Samples must be finite before they are quantised", "NaN or infinity")
    rounded = np.copysign(np.floor(np.abs(scaled) + 0.5), scaled)
    return np.clip(rounded, -LARGEST_VALUE, LARGEST_VALUE).astype(np.int64)


def integer_factor(factor: float, bits: int) -> tuple[int, int]:
    """Writes a factor as `multiplier / 2^shift`.

    Args:
        factor: A positive number.
        bits: Of the multiplier.

    Returns:
        The multiplier, in [2^(bits - 1), 2^bits), and the shift.
    """
    fraction, exponent = math.frexp(factor)
    multiplier = round(fraction * (1 << bits))
    if multiplier == 1 << bits:
        multiplier, exponent = multiplier // 2, exponent + 1
    return multiplier, bits - exponent


@dataclass(frozen=True)
class FixedFeatures:
    """The arithmetic for one model: every product stays below 2^31.

    Attributes:
        steps: Steps of the input.
        gravity_taps: Length of the moving mean, in steps.
        zero_point: The int8 value of 0 g.
        step_multiplier: 2^30 / (steps - 1), rounded.
        sample_multiplier: With `sample_shift`, from 1/2048 g to steps of int8; 15 bits.
        sample_shift: Right shift after it.
        mean_shift: Right shift that brings a sum over the taps within 2^16.
        gravity_multiplier: With `gravity_shift`, from such a sum to steps of int8; 14 bits.
        gravity_shift: Right shift after it.
    """

    steps: int
    gravity_taps: int
    zero_point: int
    step_multiplier: int
    sample_multiplier: int
    sample_shift: int
    mean_shift: int
    gravity_multiplier: int
    gravity_shift: int

    @classmethod
    def of(cls, inputs: InputSettings, scale: float, zero_point: int) -> "FixedFeatures":
        """Chooses the multipliers.

        Args:
            inputs: The preprocessing.
            scale: Step of the int8 input, in g.
            zero_point: The int8 value of 0 g.

        Returns:
            The arithmetic.

        Raises:
            UserError: The scale is out of range for int32.
        """
        sample = integer_factor(1 / (UNITS_PER_G * scale), 15)
        mean_shift = max(math.ceil(math.log2(inputs.gravity_taps)) - 1, 0)
        mean = (1 << mean_shift) / (UNITS_PER_G * inputs.gravity_taps * scale)
        gravity = integer_factor(mean, 14)
        if not (1 <= sample[1] <= 30 and 2 <= gravity[1] <= 30):
            raise UserError("Fixed point needs an input scale from 1/1000 to 10 g", scale)
        return cls(
            steps=inputs.steps,
            gravity_taps=inputs.gravity_taps,
            zero_point=zero_point,
            step_multiplier=round((1 << 30) / (inputs.steps - 1)),
            sample_multiplier=sample[0],
            sample_shift=sample[1],
            mean_shift=mean_shift,
            gravity_multiplier=gravity[0],
            gravity_shift=gravity[1],
        )

    def resample(self, samples: np.ndarray) -> np.ndarray:
        """Resamples a clip end to end by linear interpolation.

        Args:
            samples: `(length, axes)`, at least two samples: g, and degrees per second of a
                gyroscope behind them.

        Returns:
            `(steps, axes)` int64, in 1/2048 g and in 1/2048 of `GYROSCOPE_UNIT`.
        """
        units = np.ones(samples.shape[1], np.float32)
        units[3:] = GYROSCOPE_UNIT
        values = fixed_point(np.asarray(samples, np.float32) / units)
        whole, rest = np.divmod(np.arange(self.steps) * (len(values) - 1), self.steps - 1)
        lower = np.minimum(whole, len(values) - 2)
        numerator = np.where(whole > lower, self.steps - 1, rest)
        weight = (numerator * self.step_multiplier + (1 << 15)) >> 16
        difference = values[lower + 1] - values[lower]
        resampled: np.ndarray = values[lower] + ((difference * weight[:, None] + (1 << 13)) >> 14)
        return resampled

    def prepare(self, samples: np.ndarray) -> np.ndarray:
        """Resamples, derives the channels of `sensor_features` and quantises them.

        Args:
            samples: `(length, axes)`, at least two samples; a window has `steps` of them.

        Returns:
            `(steps, 1, channels)` int8.

        Raises:
            UserError: A sample is not finite.
        """
        resampled = self.resample(samples)
        values, rates = resampled[:, :3], resampled[:, 3:]
        half = self.gravity_taps // 2
        padded = np.pad(values, [(half, half), (0, 0)], mode="edge")
        totals = np.stack(
            [padded[step : step + self.gravity_taps].sum(axis=0) for step in range(self.steps)]
        )
        squares = (values * values).sum(axis=1)
        # The float64 root of an integer below 2^53 has the right whole part.
        length = np.floor(np.sqrt(squares)).astype(np.int64) - UNITS_PER_G
        length = np.minimum(length, LARGEST_VALUE)
        linear = self.gravity_taps * values - totals
        sample = (self.sample_multiplier, self.sample_shift)
        channels = [
            self._quantise(values, *sample),
            self._quantise(length[:, None], *sample),
            self._quantise(totals >> self.mean_shift, self.gravity_multiplier, self.gravity_shift),
            self._quantise(
                linear >> (self.mean_shift + 1), self.gravity_multiplier, self.gravity_shift - 1
            ),
        ]
        if rates.shape[1]:
            squares = (rates * rates).sum(axis=1, keepdims=True)
            length = np.minimum(np.floor(np.sqrt(squares)).astype(np.int64), LARGEST_VALUE)
            channels += [self._quantise(rates, *sample), self._quantise(length, *sample)]
        return np.concatenate(channels, axis=1)[:, None, :]

    def _quantise(self, values: np.ndarray, multiplier: int, shift: int) -> np.ndarray:
        rounded = ((values * multiplier + (1 << (shift - 1))) >> shift) + self.zero_point
        quantised: np.ndarray = np.clip(rounded, -128, 127).astype(np.int8)
        return quantised

    def macros(self) -> dict[str, int]:
        """Returns the macros that `model_settings.h` adds, in the order of `model_identity.h`."""
        return {
            "PSKD_FIXED_FEATURES": 1,
            "PSKD_STEP_MULTIPLIER": self.step_multiplier,
            "PSKD_SAMPLE_MULTIPLIER": self.sample_multiplier,
            "PSKD_SAMPLE_SHIFT": self.sample_shift,
            "PSKD_MEAN_SHIFT": self.mean_shift,
            "PSKD_GRAVITY_MULTIPLIER": self.gravity_multiplier,
            "PSKD_GRAVITY_SHIFT": self.gravity_shift,
        }
