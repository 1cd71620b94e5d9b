"""Figures of a run without all labels."""

import numpy as np
import pytest

from pskd_tf.label_settings import LabelSettings
from pskd_tf.pipeline.label_figures import label_figures
from pskd_tf.pipeline.metrics import metrics_table
from pskd_tf.pipeline.plan import plan_run
from pskd_tf.pipeline.stage import RunContext
from pskd_tf.settings import RunSettings

TEACHERS = ("skeleton_teacher", "accelerometer_teacher")


def test_guesses_are_counted_where_labels_are_hidden_hand_computed(prepared, tmp_path):
    labels = LabelSettings(labelled_subjects=1, unlabelled_target="acs")
    settings = RunSettings(labels=labels, teachers=TEACHERS, teacher_outputs=("in_sample",))
    plans = plan_run(settings, prepared)
    (plan,) = plans
    context = RunContext(prepared.folder, tmp_path / "stages", tmp_path)
    stage = plan.teacher_outputs["in_sample"][1]
    manifest = prepared.manifest.set_index("clip_id")
    clips = list(stage.spec.part.clips)
    truth = manifest.loc[clips, "action"].to_numpy()
    hidden = np.isin(clips, stage.spec.part.unlabelled)
    # The first teacher has 0.9 for the truth; the second 0.8 for the class after it. The first
    # cannot see every other clip, where the mean is the second's.
    arrays = {"clip_ids": np.array(clips)}
    for name, shift, largest in zip(TEACHERS, (0, 1), (0.9, 0.8), strict=True):
        probabilities = np.full((len(clips), 8), (1 - largest) / 7)
        probabilities[np.arange(len(clips)), (truth + shift) % 8] = largest
        arrays[f"{name}_logits"] = np.log(probabilities).astype(np.float32)
    seen = np.arange(len(clips)) % 2
    arrays["skeleton_teacher_available"] = seen.astype(np.float32)
    folder = context.folder(stage)
    folder.mkdir(parents=True)
    np.savez(folder / "outputs.npz", **arrays)
    found = label_figures(plans, prepared, context, settings)
    assert (found["clips"], found["labelled"], found["target"]) == (
        len(clips),
        (~hidden).sum(),
        "acs",
    )
    guesses = found["guesses"]["in_sample"]
    assert guesses["skeleton_teacher"] == pytest.approx({"right": 1.0, "confidence": 0.9})
    assert guesses["accelerometer_teacher"] == pytest.approx({"right": 0.0, "confidence": 0.8})
    share = seen[hidden].mean()
    # Of both, the mean has (0.9 + 0.2 / 7) / 2 for the truth.
    confidence = share * (0.9 + 0.2 / 7) / 2 + (1 - share) * 0.8
    mean = guesses["mean of teachers"]
    assert mean == pytest.approx({"right": share, "confidence": confidence})


def test_with_all_labels_there_is_nothing_to_tell(prepared, tmp_path):
    settings = RunSettings(teacher_outputs=("in_sample",))
    context = RunContext(prepared.folder, tmp_path / "stages", tmp_path)
    assert label_figures(plan_run(settings, prepared), prepared, context, settings) is None


def _summary(*values):
    return {"values": list(values), "mean": float(np.mean(values)), "std": 0.0}


def test_the_screen_says_what_the_student_followed():
    scores = dict.fromkeys(("accuracy", "macro_f1", "wrist_actions_accuracy"), _summary(0.5))
    metrics = {
        "dataset": "own", "protocol": "cross_subject", "leaks_subjects": False,
        "train_subjects": ["1"], "test_subjects": ["2"], "seeds": [1],
        "teachers": {"skeleton_teacher": scores},
        "baseline": {"cross_entropy": scores},
        "students_by_teacher_outputs": {"in_sample": scores},
        "student": {"pruned": scores, "int8": scores},
        "paired_difference": _summary(0.1),
        "acs": {"selection": {"in_sample": {"skeleton_teacher": 1.0, "ground_truth": 0.0}}},
        "model": {"parameters": 1, "macs": 1, "sparsity": {"conv_and_dense": 0.5},
                  "flatbuffer_bytes": 1, "arena_bytes": 1},
        "labels": {"clips": 40, "labelled": 10, "target": "mean", "guesses": {
            "in_sample": {"skeleton_teacher": {"right": 0.7, "confidence": 0.6}}}},
    }  # fmt: skip
    lines = metrics_table(metrics).splitlines()
    assert any(line.startswith("student, mean on in_sample teachers") for line in lines)
    assert "mean minus cross-entropy, by seed: +10.0 (mean +10.00 points)" in lines
    text = "10 of 40 training clips have labels; on the others the student follows the mean of the "
    assert f"{text}teachers" in lines
    right = "right where labels are hidden, in_sample: skeleton teacher 70 % (confidence 60 %)"
    assert right in lines
