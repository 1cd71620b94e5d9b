"""A personalised student: what changes in its export, and what is refused."""

import dataclasses
import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from data_prep.errors import UserError
from data_prep.files import file_sha256
from project import run_command
from pskd_tf.data.clips import PairedClips
from pskd_tf.device.recognizer import ExportedModel
from pskd_tf.distillation.head import HeadSettings
from pskd_tf.evaluation.stream import movement_stream
from pskd_tf.evaluation.tflm import Int8Interface, clip_input, tflm_logits
from pskd_tf.export.plain_c.graph import read_graph
from pskd_tf.exported import Export
from pskd_tf.run import Run
from pskd_tf.runs.personalise import OwnRecording, PrunedStudent, personalise
from sharing import contents

pytestmark = pytest.mark.slow


def write_recording(folder: Path, run: Run, subject: str, each: int) -> OwnRecording:
    """Writes a wearer's recording of `each` repetitions of each class, with labels."""
    clips = PairedClips.load(run.prepared, [subject])
    rows = [
        row
        for label in np.unique(clips.labels)
        for row in np.flatnonzero(clips.labels == label)[:each]
    ]
    stream, movements = movement_stream(clips, rows, np.random.default_rng(0))
    rate_hz = clips.accelerometer_rate_hz
    lines = [
        f"{number / rate_hz:.4f},{x:.6f},{y:.6f},{z:.6f}"
        for number, (x, y, z) in enumerate(stream.samples)
    ]
    recording = OwnRecording(folder / "own.csv", folder / "own_labels.csv")
    recording.csv.write_text("\n".join(["time_seconds,x,y,z", *lines, ""]))
    spans = [
        f"{one.first / rate_hz:.4f},{one.end / rate_hz:.4f},{run.class_names[one.label]}"
        for one in movements
    ]
    recording.labels.write_text("\n".join(["start,end,label", *spans, ""]))
    return recording


def right_share(tflite: bytes, run: Run, clips: PairedClips) -> float:
    interface, inputs = Int8Interface.read(tflite), run.export.manifest.inputs
    quantised = np.stack([clip_input(one, inputs, interface) for one in clips.signals])
    logits = tflm_logits(tflite, quantised)[1][:, : len(run.class_names)]
    return float((logits.argmax(axis=1) == clips.labels).mean())


@pytest.fixture(scope="module")
def made(stream_run, tmp_path_factory):
    """The command on a run for streams; returns the run, its recording and the new folder."""
    folder = tmp_path_factory.mktemp("personal")
    run = Run.load(stream_run)
    recording = write_recording(folder, run, run.export.made_from.test_subjects[0], 3)
    before = contents(stream_run)
    finished = run_command(
        "pskd_tf.personalise",
        f"--run_dir={stream_run}",
        f"--csv={recording.csv}",
        f"--labels={recording.labels}",
        "--epochs=300",
        "--own_share=0.9",
        f"--out={folder / 'out'}",
    )
    assert finished.returncode == 0, finished.stderr
    assert contents(stream_run) == before
    return run, recording, folder / "out", finished.stdout


def test_all_layers_but_the_last_keep_their_bytes_in_c(made):
    run, _, out, _ = made
    new = Export.read(out / "export")
    assert {path.name for path in new.folder.iterdir()} == {
        path.name for path in run.export.folder.iterdir()
    }
    layers = [read_graph(one.tflite).layers for one in (run.export, new)]
    assert len(layers[0]) == len(layers[1]) > 5
    for before, after in zip(layers[0][:-1], layers[1][:-1], strict=True):
        assert before.fields == after.fields
        for name, values in before.arrays.items():
            np.testing.assert_array_equal(after.arrays[name], values)
    assert (layers[0][-1].arrays["weights"] != layers[1][-1].arrays["weights"]).any()
    texts = {
        name: [
            # Each file bears the identity of its model.
            re.sub(r"(_(?:ID|id)\b.*) 0x\w{8}u", r"\1", (one.folder / name).read_text())
            for one in (run.export, new)
        ]
        for name in ("plain_model.c", "plain_model.h", "op_resolver.h", "model_data.h")
    }
    head = f"weights_{len(layers[0]) - 1}[]"
    before, after = texts.pop("plain_model.c")
    assert before.partition(head)[0] == after.partition(head)[0]
    assert all(before == after for before, after in texts.values())
    settings = [
        (one.folder / "model_settings.h").read_text().splitlines() for one in (run.export, new)
    ]
    differing = [line for line, other in zip(*settings, strict=True) if line != other]
    changed = re.compile("PSKD_(OUTPUT_|MODEL_ID|SETTINGS_CRC|EXPORTED_SETTINGS)")
    assert all(changed.search(line) for line in differing)


def test_the_manifest_names_the_base_and_the_recordings(made):
    run, recording, out, _ = made
    new = Export.read(out / "export").manifest
    made_of = new.provenance["personalised"]
    assert made_of["base_manifest_sha256"] == file_sha256(run.run_dir / "export/manifest.json")
    assert made_of["recordings_sha256"] == [file_sha256(recording.csv)]
    assert made_of["labels_sha256"] == [file_sha256(recording.labels)]
    assert made_of["settings"]["epochs"] == 300
    assert new.golden_clips == run.export.manifest.golden_clips
    assert new.class_names == run.export.manifest.class_names


def test_the_wearers_other_repetitions_are_said_right_more_often(made):
    """The tiny run's student is right on about half of them."""
    run, _, out, _ = made
    clips = PairedClips.load(run.prepared, [run.export.made_from.test_subjects[0]])
    kept = [
        row
        for label in np.unique(clips.labels)
        for row in np.flatnonzero(clips.labels == label)[3:]
    ]
    others = clips.subset(np.array(kept))
    before = right_share(run.export.tflite, run, others)
    after = right_share(Export.read(out / "export").tflite, run, others)
    assert after > before + 0.1


def test_the_command_says_what_it_read_and_the_folder_is_a_run_dir(made, tmp_path):
    _, recording, out, stdout = made
    assert "24 repetitions of 8 classes" in stdout
    assert "the segment detector cut them" in stdout
    assert stdout.splitlines()[-2] == f"result: {out}"
    assert ExportedModel.read(out).null_class == 8
    project = run_command(
        "pskd_tf.export", f"--run_dir={out}", "--target=cmake", f"--out={tmp_path / 'wrist'}"
    )
    assert project.returncode == 0, project.stderr
    finished = run_command(
        "pskd_tf.simulate",
        f"--run_dir={out}",
        f"--csv={recording.csv}",
        f"--labels={recording.labels}",
        f"--plot={tmp_path / 'plot.png'}",
    )
    assert finished.returncode == 0, finished.stderr
    assert "said: " in finished.stdout


def test_with_the_runs_own_head_the_conversion_gives_the_runs_bytes(tiny_run, tmp_path):
    """So the calibration is the run's."""
    run = Run.load(tiny_run)
    stages = run.exported_stages
    student = PrunedStudent.load(stages["float"], stages["pruned"], run.prepared_dir)
    assert student.fit.stream is None and student.fit.null_class is None
    assert student.converted(student.head, tmp_path) == run.export.tflite


def test_training_data_without_a_label_teach_the_head_nothing(tiny_run):
    run = Run.load(tiny_run)
    stages = run.exported_stages
    student = PrunedStudent.load(stages["float"], stages["pruned"], run.prepared_dir)
    hidden = student.clips.clip_ids[::2]
    half = dataclasses.replace(student, clips=student.clips.without_labels(hidden))
    whole, kept = student.training_samples(), half.training_samples()
    assert (kept.labels >= 0).all()
    assert 0.4 * len(whole.labels) < len(kept.labels) < 0.6 * len(whole.labels)


@pytest.fixture
def written(tiny_run, tmp_path):
    run = Run.load(tiny_run)
    return run, write_recording(tmp_path, run, run.export.made_from.test_subjects[0], 1)


def test_what_is_wrong_with_a_recording_is_said_in_one_rule(written, tmp_path):
    run, recording = written
    model, out = ExportedModel.of(run.export), tmp_path / "out"
    rows, spans = recording.csv.read_text(), recording.labels.read_text()

    def refused(match):
        with pytest.raises(UserError, match=match):
            personalise(run, [recording], out, HeadSettings())
        assert not out.exists()

    recording.labels.write_text("start,end,label\n")
    refused("at least one repetition")
    recording.labels.write_text(f"start,end,label\n1,1e6,{model.class_names[0]}\n")
    refused("within the recording")
    recording.labels.write_text(spans)
    lines = rows.splitlines()
    first = float(spans.splitlines()[1].split(",")[0])
    cut = [one for one in lines[1:] if not first + 0.1 < float(one.split(",")[0]) < first + 0.6]
    recording.csv.write_text("\n".join([lines[0], *cut, ""]))
    refused("no gap of more than 0.2 s")
    recording.csv.write_text(rows.replace(lines[5], lines[5].rpartition(",")[0] + ",nan"))
    refused("Every sample must be finite")


def test_stages_that_are_not_there_and_a_folder_with_files_are_refused(written, tmp_path):
    run, recording = written
    elsewhere = Run.load(run.run_dir, tmp_path / "none", run.prepared_dir)
    with pytest.raises(UserError, match="weights lie in the run's stages"):
        personalise(elsewhere, [recording], tmp_path / "out", HeadSettings())
    with pytest.raises(UserError, match="new or an empty folder"):
        personalise(run, [recording], tmp_path, HeadSettings())


def test_other_bytes_in_another_layer_are_refused(written, tmp_path):
    """As another version of the converter could give them: a stage of other weights."""
    run, recording = written
    stages = tmp_path / "stages"
    shutil.copytree(run.stages_dir, stages)
    folder = stages / run.exported_stages["pruned"].folder.name
    with np.load(folder / "weights.npz") as arrays:
        changed = {name: arrays[name] for name in arrays.files}
    first = sorted(changed)[0]
    changed[first] = changed[first] * np.linspace(0.5, 1.5, changed[first].size).reshape(
        changed[first].shape
    ).astype(np.float32)
    np.savez(folder / "weights.npz", **changed)
    hashes = json.loads((folder / "files.json").read_text())
    text = json.dumps(hashes).replace(
        file_sha256(run.exported_stages["pruned"].folder / "weights.npz"),
        file_sha256(folder / "weights.npz"),
    )
    (folder / "files.json").write_text(text)
    other = Run.load(run.run_dir, stages, run.prepared_dir)
    with pytest.raises(UserError, match="must give the bytes of the run's layers"):
        personalise(other, [recording], tmp_path / "out", HeadSettings())
