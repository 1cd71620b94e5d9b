"""The table at a run's end."""

from pskd_tf.pipeline.metrics import metrics_table


def scores(*accuracies: float) -> dict:
    values = list(accuracies)
    mean = sum(values) / len(values)
    one = {"mean": mean, "std": 0.01, "values": values}
    return {"accuracy": one, "macro_f1": one, "wrist_actions_accuracy": one}


def test_the_table_shows_mean_deviation_and_pairs():
    metrics = {
        "dataset": "utd_mhad",
        "protocol": "cross_subject",
        "leaks_subjects": False,
        "train_subjects": ["1", "3"],
        "test_subjects": ["2"],
        "seeds": [1, 2],
        "teachers": {"skeleton_teacher": scores(0.95)},
        "baseline": {"cross_entropy": scores(0.88, 0.90)},
        "students_by_teacher_outputs": {"live": scores(0.90, 0.91)},
        "student": {"pruned": scores(0.9, 0.9), "int8": scores(0.899, 0.9)},
        "paired_difference": {"mean": 0.015, "std": 0.0, "values": [0.02, 0.01]},
        "acs": {"selection": {"live": {"skeleton_teacher": 0.75, "ground_truth": 0.25}}},
        "model": {
            "parameters": 26595,
            "macs": 262657,
            "sparsity": {"conv_and_dense": 0.5, "depthwise": 0.0},
            "flatbuffer_bytes": 41000,
            "arena_bytes": 9200,
        },
    }
    text = metrics_table(metrics)
    lines = text.splitlines()
    assert lines[0] == (
        "utd_mhad, cross_subject: trained on subjects 1, 3, scored on 2, 2 student seed(s)"
    )
    assert lines[3].split() == ["skeleton", "teacher", "(Keras)", "95.0", "95.0", "95.0"]
    assert lines[4].split()[:6] == ["student,", "cross-entropy", "alone", "89.0", "+-", "1.0"]
    assert "ACS minus cross-entropy, by seed: +2.0, +1.0 (mean +1.50 points)" in text
    assert "ACS followed, live: skeleton teacher 75 %, ground truth 25 %" in text
    assert "26,595 parameters, 262,657 multiply-accumulates, 50 % zeros" in text
