"""The command that compares virtual sensors with the real ones of a prepared set."""

import dataclasses
import re

import numpy as np
import pytest

from data_prep.errors import UserError
from data_prep.prepared_set import PreparedSet
from data_prep.virtual_sensors import paired_rows, quality_table
from project import run_command


def changed(prepared: PreparedSet, **fields: object) -> PreparedSet:
    """The same set with other fields in its description."""
    other = PreparedSet.load(prepared.folder)
    other.description = dataclasses.replace(prepared.description, **fields)
    return other


def test_the_table_of_a_set_whose_sensor_is_simulated(prepared: PreparedSet):
    """The forearm's axes carry most of the signal; the camera's noise is lost."""
    title, head, *lines = quality_table(prepared).splitlines()
    assert "each of 3 training subjects left out" in title and head.split()[0] == "R2:"
    values = {line.split()[1]: [float(cell) for cell in line.split()[2:]] for line in lines}
    assert list(values) == ["rotation", "regression"]
    for cells in values.values():
        assert len(cells) == 8 and cells[3] > 0.6 and cells[7] > 0.75
        assert cells[3] == pytest.approx(np.mean(cells[:3]), abs=0.011)


def test_only_training_subjects_are_read(prepared: PreparedSet):
    manifest = prepared.manifest
    rows = paired_rows(prepared)
    assert set(manifest["subject"].iloc[rows]) == {"1", "3", "5"}
    assert len(rows) == manifest["subject"].isin(["1", "3", "5"]).sum()


def test_another_frame_rate_than_the_stated_is_named(prepared: PreparedSet):
    streams = {**prepared.description.streams}
    streams["skeleton"] = {**streams["skeleton"], "nominal_rate_hz": 60.0}
    last = quality_table(changed(prepared, streams=streams)).splitlines()[-1]
    assert re.fullmatch(r"note: (29\.9|30\.0|30\.1) frames a second by .*, 60 stated; .*", last)


def test_sets_without_virtual_sensors_are_refused(prepared: PreparedSet):
    with pytest.raises(UserError, match=r"start and end together\. Received: alignment clip"):
        paired_rows(changed(prepared, alignment="clip"))
    with pytest.raises(UserError, match="needs a skeleton in 3 dimensions"):
        quality_table(changed(prepared, skeleton_dimensions=2))
    one = {"cross_subject": {"train_subjects": ["1"], "test_subjects": ["2"]}}
    with pytest.raises(UserError, match=r"clips of at least 2\. Received: 1 with a sensor at"):
        quality_table(changed(prepared, protocols=one))


def test_the_command(prepared: PreparedSet):
    flag = f"--prepared_dir={prepared.folder}"
    dry = run_command("data_prep.virtual_sensors", flag, "--dry_run")
    assert dry.stdout == f"would read {len(paired_rows(prepared))} clips: {prepared.folder}\n"
    done = run_command("data_prep.virtual_sensors", flag)
    assert done.returncode == 0 and quality_table(prepared) in done.stdout
    assert done.stdout.splitlines()[-2] == f"result: {prepared.folder}"


@pytest.mark.slow
def test_utd_mhad_has_the_figures_of_the_documentation(real_utd: PreparedSet):
    lines = quality_table(real_utd).splitlines()
    means = {tuple(line.split()[:2]): float(line.split()[5]) for line in lines[2:6]}
    assert means == {
        ("right_thigh", "rotation"): pytest.approx(0.35, abs=0.011),
        ("right_thigh", "regression"): pytest.approx(0.32, abs=0.011),
        ("right_wrist", "rotation"): pytest.approx(0.32, abs=0.011),
        ("right_wrist", "regression"): pytest.approx(0.42, abs=0.011),
    }
    assert lines[-1].startswith("note: 18.9 frames a second")
