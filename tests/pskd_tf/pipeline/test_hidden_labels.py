"""Studies of missing labels: which are kept, and who learns from what."""

import collections
import dataclasses

import numpy as np
import pandas as pd
import pytest

from data_prep.errors import UserError
from data_prep.prepared_set import PreparedSet
from pskd_tf.input_settings import InputSettings
from pskd_tf.label_settings import LabelSettings
from pskd_tf.pipeline.hidden_labels import kept_labels
from pskd_tf.pipeline.plan import plan_run
from pskd_tf.pipeline.runner import run_stages
from pskd_tf.pipeline.stage import RunContext
from pskd_tf.settings import RunSettings
from pskd_tf.stream_settings import StreamSettings
from pskd_tf.training_settings import TeacherEpochs, TrainingSettings

CLIPS = pd.DataFrame(
    [
        {"clip_id": f"{subject}{action}{trial}", "subject": subject, "action": action}
        for subject in "pqr"
        for action in range(3)
        for trial in range(4)
    ]
)


def kept(draw, **settings):
    return kept_labels(CLIPS, LabelSettings(**settings), draw)


def test_draws_of_subjects_take_turns():
    subjects = [{name[0] for name in kept(draw, labelled_subjects=1)} for draw in range(1, 7)]
    for block in (subjects[:3], subjects[3:]):
        assert sorted(one for group in block for one in group) == ["p", "q", "r"]
    assert all(len(kept(draw, labelled_subjects=1)) == 12 for draw in (1, 2, 3))
    pairs = [
        name for draw in (1, 2, 3) for name in {one[0] for one in kept(draw, labelled_subjects=2)}
    ]
    assert collections.Counter(pairs) == {"p": 2, "q": 2, "r": 2}


def test_each_class_keeps_its_number_or_share_of_clips():
    for names, each in ((kept(1, labels_per_class=2), 2), (kept(1, labelled_fraction=0.25), 3)):
        assert collections.Counter(name[1] for name in names) == dict.fromkeys("012", each)
    assert kept(1, labels_per_class=2) == kept(1, labels_per_class=2) != kept(2, labels_per_class=2)
    one_person = kept(1, labels_per_class=1, labelled_subjects=1)
    assert len(one_person) == 3 and len({name[0] for name in one_person}) == 1
    assert len(kept(1, labelled_fraction=0.001)) == 3  # a class keeps at least one


def test_more_subjects_than_there_are_is_refused():
    with pytest.raises(UserError) as error:
        kept(1, labelled_subjects=4)
    assert str(error.value) == (
        "labelled_subjects must be at most the 3 training subjects. Received: 4"
    )
    with pytest.raises(UserError, match=r"exclude each other\. Received: 0\.5 and 2"):
        LabelSettings(labelled_fraction=0.5, labels_per_class=2)


ONE_PERSON = RunSettings(
    labels=LabelSettings(labelled_subjects=1), teacher_outputs=("in_sample", "live")
)


def test_teachers_and_baseline_learn_from_labels_and_the_student_from_every_clip(prepared):
    (plan,) = plan_run(ONE_PERSON, prepared)
    train = set(plan.split.train_clips)
    baseline, student = plan.baselines[1].spec, plan.students["in_sample"][1].spec
    assert len(baseline.part.subjects) == 1 and baseline.part.unlabelled is None
    assert set(student.part.clips) == train
    assert set(student.part.unlabelled) == train - set(baseline.part.clips)
    outputs = plan.teacher_outputs["in_sample"][1]
    assert outputs.spec.part == student.part and outputs.spec.calibration == "agreement"
    for teacher in outputs.inputs:
        assert teacher.spec.part == baseline.part
    assert student.loss.name == "knowledge_distillation"
    assert set(plan.compared[1].spec.clips) == set(baseline.part.clips)
    assert {score.spec.clips for score in plan.scores.values()} == {plan.split.test_clips}


@pytest.mark.parametrize(
    ("target", "loss", "teachers"),
    [
        ("mean", "knowledge_distillation", 3),
        ("fusion", "knowledge_distillation", 1),
        ("acs", "adaptive_confidence_semantic", 3),
        ("most_confident", "adaptive_confidence_semantic", 3),
        ("none", "cross_entropy", 0),
    ],
)
@pytest.mark.parametrize("kind", ["in_sample", "live"])
def test_the_target_is_what_the_student_follows(prepared, kind, target, loss, teachers):
    labels = dataclasses.replace(ONE_PERSON.labels, unlabelled_target=target)
    (plan,) = plan_run(dataclasses.replace(ONE_PERSON, labels=labels), prepared)
    spec = plan.students[kind][1].spec
    assert (spec.loss.name, len(spec.teachers)) == (loss, teachers)
    if kind == "live":
        assert [one.name for one in spec.live] == list(spec.teachers)
    if target == "most_confident":
        assert spec.loss.acs.selection == "hard"


def test_with_all_labels_nothing_changes(prepared):
    (plan,) = plan_run(RunSettings(), prepared)
    (same,) = plan_run(RunSettings(labels=LabelSettings(unlabelled_target="acs")), prepared)
    for stage in (plan.students["cross_fitted"][1], plan.baselines[1]):
        assert stage.spec.part.unlabelled is None
    assert same.students["cross_fitted"][1].key == plan.students["cross_fitted"][1].key


SHORT_STREAM = StreamSettings(enabled=True, cuts=2, negative_cuts=20)


def _with_labels(prepared: PreparedSet, clips, shift: int) -> PreparedSet:
    """The same set with other labels for some clips."""
    manifest = prepared.manifest.copy()
    wrong = manifest["clip_id"].isin(clips)
    manifest.loc[wrong, "action"] = (manifest.loc[wrong, "action"] + shift) % 8
    return PreparedSet(
        prepared.folder, prepared.description, manifest, prepared._arrays, prepared.quarantine
    )


@pytest.mark.slow
@pytest.mark.parametrize("stream", [StreamSettings(), SHORT_STREAM], ids=["clips", "stream"])
def test_a_hidden_label_changes_no_byte_of_teachers_outputs_and_student(
    prepared, tmp_path, monkeypatch, stream
):
    short = TrainingSettings(steps=12, batch_size=8)
    settings = dataclasses.replace(
        ONE_PERSON,
        teachers=("skeleton_teacher", "fusion_teacher"),
        teacher_epochs=TeacherEpochs(1, 1, 1),
        teacher_outputs=("in_sample",),
        teacher_views=1,
        student_training=short,
        inputs=InputSettings(steps=24, skeleton_frames=12, gravity_taps=5),
        stream=stream,
    )
    (plan,) = plan_run(settings, prepared)
    student = plan.students["in_sample"][1]
    hidden = student.spec.part.unlabelled
    found = []
    for shift in (0, 3):
        changed = _with_labels(prepared, hidden, shift)
        monkeypatch.setattr(PreparedSet, "load", lambda folder, changed=changed: changed)
        folder = tmp_path / str(shift)
        context = RunContext(prepared.folder, folder / "stages", folder)
        run_stages([student], context, workers=1)
        found.append(
            {
                path.relative_to(folder): path.read_bytes()
                for name in ("weights.npz", "outputs.npz", "history.csv")
                for path in sorted((folder / "stages").glob(f"*/{name}"))
            }
        )
    assert len(found[0]) >= 7
    assert found[0] == found[1]


def test_labels_that_are_missing_in_the_set_are_not_scored(prepared):
    (plan,) = plan_run(RunSettings(teacher_outputs=("in_sample",)), prepared)
    missing = [plan.split.train_clips[0], plan.split.test_clips[0]]
    manifest = prepared.manifest.copy()
    manifest.loc[manifest["clip_id"].isin(missing), "action"] = -1
    partly = PreparedSet(
        prepared.folder, prepared.description, manifest, prepared._arrays, prepared.quarantine
    )
    (plan,) = plan_run(RunSettings(teacher_outputs=("in_sample",)), partly)
    assert plan.students["in_sample"][1].spec.part.unlabelled == (missing[0],)
    assert missing[1] not in plan.scores["baseline/1"].spec.clips
    manifest["action"] = np.int64(-1)
    nothing = PreparedSet(
        prepared.folder, prepared.description, manifest, prepared._arrays, prepared.quarantine
    )
    with pytest.raises(UserError, match="Both parts of a protocol need clips"):
        plan_run(RunSettings(), nothing)


def test_the_own_net_teaches_as_the_baseline_does(prepared):
    own = ("skeleton_teacher", "accelerometer_student")
    settings = dataclasses.replace(ONE_PERSON, teachers=own, teacher_outputs=("in_sample",))
    (plan,) = plan_run(settings, prepared)
    outputs = plan.teacher_outputs["in_sample"][1]
    assert outputs.spec.names == own
    assert outputs.input(outputs.spec.fit_of(own[1])) == plan.baselines[1]
    assert plan.students["in_sample"][1].spec.teachers == own
    assert plan.scores["baseline/1"] is plan.scores[f"teachers/{own[1]}/1"]
