"""Whether confidence means what it says."""

import numpy as np

from pskd_tf.reporting.charts.reliability_chart import reliability_chart
from pskd_tf.reporting.loaded_run import LoadedRun
from pskd_tf.reporting.markup.figure import figure
from pskd_tf.reporting.markup.panel import panel
from pskd_tf.reporting.predictions import Predictions
from pskd_tf.reporting.scored_model import scored_models
from pskd_tf.reporting.section import Section

_BINS = 10


def reliability_section(run: LoadedRun) -> Section:
    """Draws a reliability diagram for the baseline, the shipped student, and it in int8."""
    wanted = ("baseline", f"students/{run.first_kind}", "int8")
    panels = []
    for model in scored_models(run):
        if model.name in wanted:
            parts = [run.predictions(key) for key in model.keys]
            errors = [100 * calibration_error(*reliability_bins([part])) for part in parts]
            spread = f" ± {np.std(errors, ddof=1):.1f}" if len(errors) > 1 else ""
            bins = reliability_bins(parts)
            chart = reliability_chart(*bins, model.colour, f"Reliability of {model.label}")
            remark = f"expected calibration error {np.mean(errors):.1f}{spread} points"
            panels.append(panel(model.label, chart, f"{remark} (n = {len(errors)})"))
    caption = (
        "How to read it: answers are sorted by confidence, the probability of the class that is "
        "said, into ten bins. On the dashed line a model that says 80 % is right in 80 % of "
        "cases; below the line it is too sure, above it too modest. Larger dots and higher bars "
        "hold more answers. All seeds and folds together; the error is the mean gap, "
        "by answers, of each seed."
    )
    return Section("reliability", "Does confidence mean what it says?", figure(panels, caption))


def reliability_bins(parts: list[Predictions]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sorts answers into ten bins of equal width by confidence.

    Args:
        parts: Predictions of one model, one a seed.

    Returns:
        Mean confidence, share of right answers and number of answers of each bin, `(10,)` each;
        zeros where a bin is empty.
    """
    confidence = np.concatenate([part.probabilities.max(axis=1) for part in parts])
    right = np.concatenate([part.right for part in parts])
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    counts = np.bincount(bins, minlength=_BINS).astype(float)
    divisor = np.maximum(counts, 1)
    sums = [np.bincount(bins, weights=values, minlength=_BINS) for values in (confidence, right)]
    return sums[0] / divisor, sums[1] / divisor, counts


def calibration_error(confidence: np.ndarray, accuracy: np.ndarray, counts: np.ndarray) -> float:
    """Returns the expected calibration error: the mean of |accuracy - confidence| by answers.

    Source: Naeini, Cooper, Hauskrecht, AAAI 2015; Guo et al., ICML 2017.
    """
    return float(np.sum(counts * np.abs(accuracy - confidence)) / np.sum(counts))
