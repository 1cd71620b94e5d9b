"""Two runs compared seed by seed: means, paired differences, their interval."""

import numpy as np

from pskd_tf.develop.paired_runs import SeedScore, summary_markdown
from pskd_tf.stage_record import Predictions

SUBJECTS = np.repeat(["2", "4"], 10)


def scored(run: str, form: str, seed: int, wrong: int) -> SeedScore:
    """A student that guesses the first `wrong` of 20 clips wrong."""
    labels = np.arange(20) % 2
    guesses = np.where(np.arange(20) < wrong, 1 - labels, labels)
    names = np.array([f"clip_{number}" for number in range(20)])
    predictions = Predictions(names, labels, np.ones(20, bool), np.eye(2)[guesses])
    return SeedScore(run, form, seed, predictions)


def test_differences_are_paired_by_seed():
    """The other run has a seed more, which has no partner."""
    mine = [scored("six", "float", 1, 2), scored("six", "float", 2, 1)]
    mine += [scored("six", "int8", 1, 2), scored("six", "int8", 2, 2)]
    others = [scored("three", "float", seed, wrong) for seed, wrong in ((1, 4), (2, 4), (3, 0))]
    others += [scored("three", "int8", seed, 2) for seed in (1, 2)]
    lines = summary_markdown(mine, others, SUBJECTS).splitlines()
    assert lines[0] == ("| form | six: accuracy % (seeds) | three | difference, points | by seed |")
    cells = [cell.strip() for cell in lines[2].split("|")[1:-1]]
    assert cells[:3] == ["float", "92.5 +- 3.5 (2)", "86.7 +- 11.5 (3)"]
    assert cells[3].startswith("+12.5 [+") and cells[4] == "+10.0, +15.0"
    assert lines[3].endswith("| +0.0 [+0.0, +0.0] | +0.0, +0.0 |")
