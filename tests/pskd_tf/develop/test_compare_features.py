"""`python -m pskd_tf.develop.fixed_features` on a whole run."""

import json

import pandas as pd

from project import run_command


def test_every_int_8_student_of_a_run_is_scored_twice(tiny_run, tmp_path):
    """In float the accuracy is the run's own; in fixed point few decisions differ."""
    flags = (f"--run_dir={tiny_run}", f"--out={tmp_path / 'table.csv'}")
    finished = run_command("pskd_tf.develop.fixed_features", *flags)
    assert finished.returncode == 0, finished.stderr
    means = json.loads(next(line for line in finished.stdout.splitlines() if line[0] == "{"))
    scores = json.loads((tiny_run / "metrics.json").read_text())["student"]["int8"]["accuracy"]
    assert abs(means["float"] - 100 * scores["mean"]) < 0.001
    assert means["clips"] >= 32 and 0 <= means["differing"] <= 0.05 * means["clips"]
    table = pd.read_csv(tmp_path / "table.csv")
    assert list(table) == ["student", "clips", "float", "fixed", "differing"]
    assert table["differing"].sum() == means["differing"]
    assert abs(table["fixed"].mean() - means["fixed"]) < 0.001
