"""Classes that were left out of training: the draws and the table."""

import dataclasses
from types import SimpleNamespace

import pandas as pd
import pytest

from data_prep.errors import UserError
from pskd_tf.develop.unseen_classes import Draw, table_text
from pskd_tf.settings import RunSettings
from pskd_tf.stream_settings import StreamSettings

SETTINGS = RunSettings(
    teachers=(),
    teacher_outputs=("live",),
    protocol="cross_subject",
    seeds=(1,),
    stream=StreamSettings(enabled=True),
)


@pytest.fixture
def run(tmp_path):
    return SimpleNamespace(settings=SETTINGS, run_dir=tmp_path)


def test_a_draw_leaves_classes_out_of_training_and_each_subject_of_one_student(run, prepared):
    one = Draw.declare(0, run, prepared, 4, with_recordings=False)
    assert len(one.choosing) == len(one.scored) == 2
    assert not set(one.choosing) & set(one.scored)
    assert list(one.compressed) == ["", "1", "3", "5"]
    manifest = prepared.manifest.set_index("clip_id")
    for left_out, compressed in one.compressed.items():
        fit = compressed.input(compressed.spec.student).spec
        chosen = manifest.loc[list(fit.part.clips)]
        assert not chosen["action"].isin([*one.choosing, *one.scored]).any()
        assert set(chosen["subject"].astype(str)) == {"1", "3", "5"} - {left_out}
        # Its outputs are those of the run: of all classes and "none".
        assert fit.data.num_classes == 9 and fit.null_class == 8 and fit.recorded_none is None
    other = Draw.declare(1, run, prepared, 4, with_recordings=False)
    assert other.choosing != one.choosing
    again = Draw.declare(0, run, prepared, 4, with_recordings=False)
    assert again.compressed["3"].key == one.compressed["3"].key


def test_movements_of_the_half_that_chooses_are_recordings_of_none(run, prepared):
    plain = Draw.declare(0, run, prepared, 4, with_recordings=False)
    one = Draw.declare(0, run, prepared, 4, with_recordings=True)
    assert (one.choosing, one.scored) == (plain.choosing, plain.scored)
    compressed = one.compressed["3"]
    fit = compressed.input(compressed.spec.student).spec
    manifest = prepared.manifest.set_index("clip_id")
    recorded = manifest.loc[list(fit.recorded_none)]
    assert set(recorded["action"]) == set(one.choosing)
    assert set(recorded["subject"].astype(str)) == {"1", "5"}
    without = plain.compressed["3"].input(plain.compressed["3"].spec.student).spec
    assert dataclasses.replace(fit, recorded_none=None) == without


def test_too_many_classes_and_runs_of_clips_are_refused(run, prepared):
    with pytest.raises(UserError, match="two thirds"):
        Draw.declare(0, run, prepared, 6, with_recordings=False)
    run.settings = dataclasses.replace(SETTINGS, stream=StreamSettings())
    with pytest.raises(UserError, match="--stream_training"):
        Draw.declare(0, run, prepared, 4, with_recordings=False)


def test_the_table_has_shares_with_their_counts():
    row = {
        "draw": 0,
        "none_recorded": "no",
        "class_score": "share",
        "chosen_on": "validation",
        "scored_classes": "wave, clap",
        "threshold": 0.51,
        "floor": 0.4,
        "known_right": 0.875,
        "known_movements": 320,
        "unseen_said": 0.25,
        "unseen_movements": 64,
        "postures_an_hour": 0.5,
        "tails_an_hour": 1.0,
    }
    line = table_text(pd.DataFrame([row])).splitlines()[2]
    assert line.startswith("| 0 | no | share | validation | 0.51 | 0.40 | 87.5 % of 320 |")
    assert line.endswith("| 25.0 % of 64 | 0.5 | 1.0 |")
