"""Classes that were left out of training: the draws, what counts as said, and the choice."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from data_prep.errors import UserError
from pskd_tf.develop.unseen_classes import DecidedStream, Draw, UnseenArguments, choose, table_text
from pskd_tf.evaluation.stream import Decisions, Movement
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


def test_a_draw_leaves_classes_and_a_subject_out_of_training(run, prepared):
    one = Draw.declare(0, run, prepared, 4)
    assert len(one.choosing) == len(one.scored) == 2
    assert not set(one.choosing) & set(one.scored)
    manifest = prepared.manifest.set_index("clip_id")
    chosen = manifest.loc[list(one.part.clips)]
    assert not chosen["action"].isin([*one.choosing, *one.scored]).any()
    assert one.subject not in set(chosen["subject"].astype(str)) == set(one.part.subjects)
    # Its outputs are those of the run: of all classes and "none".
    assert one.fit.data.num_classes == 9 and one.fit.null_class == 8
    test = {"2", "4", "6"} & set(chosen["subject"].astype(str))
    assert not test
    other = Draw.declare(1, run, prepared, 4)
    assert (other.choosing, other.subject) != (one.choosing, one.subject)
    assert Draw.declare(0, run, prepared, 4).compressed.key == one.compressed.key


def test_too_many_classes_and_runs_of_clips_are_refused(run, prepared):
    with pytest.raises(UserError, match="two thirds"):
        Draw.declare(0, run, prepared, 6)
    run.settings = dataclasses.replace(SETTINGS, stream=StreamSettings())
    with pytest.raises(UserError, match="--stream_training"):
        Draw.declare(0, run, prepared, 4)


def decided(labels, best, score, shares):
    """A decision for each movement of 50 samples."""
    places = 100 * np.arange(len(labels))
    decisions = Decisions(
        *(0 * places, places + 5, places + 45, places + 60, np.array(best), np.array(score)),
        np.zeros(len(places), bool),
    )
    movements = [
        Movement(place, place + 50, label) for place, label in zip(places, labels, strict=True)
    ]
    return DecidedStream(decisions, np.array(shares), movements)


def test_a_movement_is_said_from_the_threshold_and_the_floor_on():
    one = decided([0, 0, 1, 2], [0, 1, 1, 0], [0.9, 0.8, 0.7, 0.6], [0.9, 0.5, 0.6, 0.4])
    assert one.said(0.0, 0.0, (0, 1)) == (3, 3, 2)
    assert one.said(0.75, 0.0, (0, 1)) == (3, 2, 1)
    assert one.said(0.0, 0.55, (0, 1)) == (3, 2, 2)
    assert one.said(0.0, 0.0, (2,)) == (1, 1, 0)
    assert one.said(0.6, 0.41, (2,)) == (1, 0, 0)


def arguments(tmp_path, **changes):
    return UnseenArguments(run_dir=tmp_path, out=tmp_path, hours=1.0, **changes)


def test_the_floor_that_tells_unseen_from_known_is_found(tmp_path):
    known = decided([0] * 10, [0] * 10, [0.9] * 10, [0.3, *[0.8] * 9])
    unknown = decided([1] * 4, [0] * 4, [0.95] * 4, [0.2, 0.4, 0.6, 0.9])
    idle = {"postures": (np.array([0.7, 0.5]), np.ones(2)), "tails": (np.zeros(0), np.zeros(0))}
    threshold, floor = choose(known, unknown, idle, ((0,), (1,)), arguments(tmp_path))
    # One false decision of the hour may stay, so the lowest threshold is just above 0.5.
    assert 0.5 < threshold <= 0.9 and 0.6 < floor <= 0.8
    assert known.said(threshold, floor, (0,))[2] == 9
    assert unknown.said(threshold, floor, (1,))[1] == 1


def test_without_enough_known_right_no_floor_is_chosen(tmp_path):
    known = decided([0] * 4, [1] * 4, [0.9] * 4, [0.9] * 4)
    idle = {kind: (np.array([0.2]), np.ones(1)) for kind in ("postures", "tails")}
    strict = arguments(tmp_path, maximum_false_an_hour=0.0)
    threshold, floor = choose(known, known, idle, ((0,), (1,)), strict)
    assert floor == 0.0 and 0.2 < threshold < 0.21


def test_the_table_has_shares_with_their_counts():
    row = {
        "draw": 0,
        "chosen_on": "validation",
        "scored_classes": "wave, clap",
        "threshold": 0.51,
        "class_floor": 0.4,
        "known_right": 0.875,
        "known_movements": 320,
        "unseen_said": 0.25,
        "unseen_movements": 64,
        "postures_an_hour": 0.5,
        "tails_an_hour": 1.0,
    }
    line = table_text(pd.DataFrame([row])).splitlines()[2]
    assert line.startswith("| 0 | validation | wave, clap | 0.51 | 0.40 | 87.5 % of 320 |")
    assert line.endswith("| 25.0 % of 64 | 0.5 | 1.0 |")
