"""What an int8 student must meet before it is handed out."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from data_prep.user_error import UserError


@dataclass(frozen=True)
class SafetyLimits:
    """Bounds between an int8 student and the float student of the same weights.

    Attributes:
        conversion_seconds: Time after which a conversion is given up.
        least_agreement: Least share of clips on which both choose the same class, over all
            validation folds together.
        least_snr_db: Least signal to noise of any layer, in dB; at 10 dB the error has a third of
            the signal's amplitude.
    """

    conversion_seconds: float = 600.0
    least_agreement: float = 0.97
    least_snr_db: float = 10.0

    def check_noise(self, noise: Mapping[str, float]) -> None:
        """Refuses a model with a layer below the least signal to noise.

        Args:
            noise: Signal to noise in dB by layer.

        Raises:
            UserError: Names the worst layer.
        """
        worst = min(noise, key=noise.__getitem__)
        if noise[worst] < self.least_snr_db:
            rule = f"Every int8 layer needs a signal to noise of {self.least_snr_db:g} dB"
            raise UserError(rule, f"{noise[worst]:.1f} dB in layer {worst}")

    def check_agreement(self, float_classes: np.ndarray, int8_classes: np.ndarray) -> float:
        """Refuses a model that too often chooses another class than its float original.

        Args:
            float_classes: `(clips,)` classes that the float students chose, all folds together.
            int8_classes: `(clips,)` classes that the int8 students chose.

        Returns:
            The share of clips on which they agree.

        Raises:
            UserError: It is too small.
        """
        share = float(np.mean(np.asarray(float_classes) == np.asarray(int8_classes)))
        if share < self.least_agreement:
            rule = f"Float and int8 must agree on {100 * self.least_agreement:g} % of the clips"
            raise UserError(f"{rule} of all validation folds", f"{100 * share:.1f} %")
        return share
