"""Recordings that the loader of own recordings reads."""

import numpy as np
import pytest

from data_prep.errors import UserError
from data_prep.loaders.custom.loader import CustomLoader
from data_prep.loaders.custom.manifest import read_custom_manifest
from pskd_tf.device.recordings import Recording
from pskd_tf.monitoring.protocol import BoardActivity, BoardHeader, BoardSample, BoardStatus
from pskd_tf.monitoring.recording import (
    RecordedClip,
    RecordingSession,
    SessionState,
    save_clip,
)

HEADER = BoardHeader("0123456789ab", "tflm", 50.0, 8.0, "-y+z-x", 8)
WORN = {"sensor_place": "right_wrist"}


def stream(values, start_us=(1 << 32) - 500_000, header_at=0):
    """What a board sends at 50 Hz, its clock wrapping around."""
    for index, sample in enumerate(values):
        if index == header_at:
            yield HEADER
        time_us = (start_us + 20_000 * index) % (1 << 32)
        yield BoardSample(time_us, tuple(map(float, sample)))
        yield BoardActivity(time_us, -1, "unknown", 0.2)


def movement(seed, length=160):
    """A random walk: noise alone would be noted as samples out of order."""
    steps = np.random.default_rng(seed).normal(0, 0.02, (length, 3))
    return np.array([0, 0, 1]) + np.cumsum(steps, axis=0)


def test_recordings_go_round(tmp_path):
    """Two people, two actions, through files and loader, at the samples' own times."""
    expected = {}
    for seed, (subject, label) in enumerate(
        (subject, label) for subject in ("anna", "berta") for label in ("wave", 'say "hi", loud')
    ):
        expected[subject, label] = values = movement(seed)
        path = tmp_path / "own" / f"{seed}.csv"
        clip = RecordedClip.record(stream(values), seconds=0)
        manifest = save_clip(path, clip, subject=subject, label=label, **WORN)
        assert manifest == tmp_path / "own" / "manifest.csv"
    loader = CustomLoader(manifest=manifest)
    discovery = loader.discover()
    names = discovery.description.class_names
    assert sorted(names) == ['say "hi", loud', "wave"] and len(discovery.sources) == 4
    assert discovery.description.streams["accelerometer"]["nominal_rate_hz"] == 50.0
    for source in discovery.sources:
        clip = loader.read(source)
        values = expected[source.subject, names[source.action]]
        assert clip.sensor_place == "right_wrist" and clip.flags == ("no_skeleton",)
        np.testing.assert_allclose(clip.accelerometer, values, atol=1e-5)


def test_a_recording_has_the_given_seconds():
    clip = RecordedClip.record(stream(movement(0, 500)), seconds=3.0)
    assert len(clip.rows) == 151 and clip.rows[-1][0] == 3_000_000
    # The header is waited for; what comes meanwhile is not recorded.
    clip = RecordedClip.record(stream(movement(0, 500), header_at=300), seconds=3.0)
    assert len(clip.rows) == 151 and clip.header == HEADER


def test_samples_that_were_lost_before_do_not_matter():
    messages = [BoardStatus(7, "samples_lost", 36), *stream(movement(0, 50))]
    assert len(RecordedClip.record(messages, seconds=0).rows) == 50


def test_doubled_samples_are_dropped():
    messages = [
        message
        for message in stream(movement(0, 50))
        for _ in range(1 if isinstance(message, BoardHeader) else 2)
    ]
    assert len(RecordedClip.record(messages, seconds=0).rows) == 50


def test_ctrl_c_ends_a_recording():
    def messages():
        yield from stream(movement(0, 50))
        raise KeyboardInterrupt

    assert len(RecordedClip.record(messages(), seconds=0).rows) == 50


@pytest.mark.parametrize(
    ("messages", "rule"),
    [
        ([], "header line"),
        ([HEADER], "at least 2 samples"),
        ([*stream(movement(0, 60)), *stream(movement(0, 60), start_us=5)], "without a break"),
        (
            [*stream(movement(0, 60)), BoardStatus(7, "samples_lost", 36)],
            r"raise PSKD_QUEUE_SAMPLES of the board. Received: 36 samples lost",
        ),
        ([*stream(movement(0, 60), 0), *stream(movement(0, 9), 4_000_000)], r"2\.82 s between"),
    ],
)
def test_a_file_that_is_no_recording_is_refused(messages, rule):
    with pytest.raises(UserError, match=rule):
        RecordedClip.record(messages, seconds=0)


def test_a_manifest_of_ones_own_is_kept(tmp_path):
    """Its columns and rows stay; the new row has blanks where it has no value."""
    manifest = tmp_path / "manifest.csv"
    manifest.write_text("subject,action,part\nanna,wave,train\n")
    clip = RecordedClip.record(stream(movement(0)), seconds=1.0)
    save_clip(tmp_path / "b.csv", clip, subject="berta", label="wave", **WORN)
    lines = manifest.read_text().splitlines()
    assert lines[0].startswith("subject,action,part,accelerometer_path,")
    assert lines[1].startswith("anna,wave,train,,") and lines[2].startswith("berta,wave,,b.csv,g,")
    assert lines[2].endswith('"board 0123456789ab, axes -y+z-x"')


def test_a_manifest_with_semicolons_keeps_them_and_is_read_again(tmp_path):
    """As spreadsheets write them where the comma is the decimal sign."""
    manifest = tmp_path / "manifest.csv"
    manifest.write_text(
        "subject;action;accelerometer_path;accelerometer_unit;accelerometer_rate_hz;note\n"
        "anna;wave;a.csv;g;50;one, two\n"
    )
    clip = RecordedClip.record(stream(movement(0)), seconds=1.0)
    save_clip(tmp_path / "a.csv", clip, subject="x", label="x", **WORN)
    manifest.write_text(manifest.read_text().rsplit("\n", 2)[0] + "\n")
    save_clip(tmp_path / "b.csv", clip, subject="berta", label="größer; weiter", **WORN)
    header, first, second = manifest.read_text(encoding="utf-8").splitlines()
    assert header.startswith("subject;action;accelerometer_path;") and "," not in header
    assert first.startswith("anna;wave;a.csv;g;50;one, two;")
    assert second.startswith('berta;"größer; weiter";b.csv;g;50;')
    clips, errors = read_custom_manifest(manifest)
    assert not errors
    assert [(one.subject, one.action) for one in clips] == [
        ("anna", "wave"),
        ("berta", "größer; weiter"),
    ]
    assert clips[1].accelerometer_columns == ("x", "y", "z")


def test_files_are_not_overwritten(tmp_path):
    clip = RecordedClip.record(stream(movement(0)), seconds=1.0)
    (tmp_path / "a.csv").write_text("mine")
    for name, rule in (
        ("a.csv", "new file"),
        ("manifest.csv", "other than"),
        ("a.txt", "CSV file"),
    ):
        with pytest.raises(UserError, match=rule):
            save_clip(tmp_path / name, clip, subject="anna", label="wave", **WORN)
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
    (tmp_path / "manifest.csv").write_text("subject,action\nanna,wave,more\n")
    with pytest.raises(UserError, match="must have the header's columns"):
        save_clip(tmp_path / "b.csv", clip, subject="anna", label="wave", **WORN)
    assert not (tmp_path / "b.csv").exists()


def test_the_simulator_reads_a_recording(tmp_path):
    """Microseconds become seconds; values have five decimals."""
    values = movement(0)
    clip = RecordedClip.record(stream(values), seconds=0)
    save_clip(tmp_path / "one.csv", clip, subject="anna", label="wave", **WORN)
    recording = Recording.read(tmp_path / "one.csv")
    np.testing.assert_allclose(recording.times, 0.02 * np.arange(160), atol=1e-12)
    np.testing.assert_allclose(recording.samples, values, atol=1e-5)


@pytest.fixture
def session(tmp_path):
    """A session of clips of two seconds, three after the key; its clock is set by the test."""
    now = [100.0]
    made = RecordingSession(
        *(tmp_path / "own", ["wave", "lie down!"]),
        **{"subject": "anna", "seconds": 2.0, "countdown": 3.0, "clock": lambda: now[0]},
        **WORN,
    )
    return made, now, tmp_path / "own"


def test_a_key_records_after_the_countdown(session):
    made, now, folder = session
    messages = list(stream(movement(0, 300)))
    for message in messages[:50]:
        made.take(message)
    assert made.state() == SessionState("waiting", None, 0.0, "")
    made.press("7")
    made.press("2")
    made.press("1")  # one at a time
    now[0] += 1.0
    assert made.state() == SessionState("countdown", "lie down!", 2.0, "")
    for message in messages[50:100]:
        made.take(message)
    now[0] += 2.5
    for message in messages[100:400]:
        made.take(message)
    assert made.state().last == "anna_lie_down_1.csv: 101 samples"
    rows = (folder / "anna_lie_down_1.csv").read_text().splitlines()[1:]
    # What came in the countdown is not in the clip: it begins with the 50th sample.
    assert rows[0] == "0," + ",".join(f"{value:.5f}" for value in movement(0, 300)[50])
    assert len(rows) == 101 and made.saved == [folder / "anna_lie_down_1.csv"]
    assert "anna,lie down!,anna_lie_down_1.csv" in (folder / "manifest.csv").read_text()


def test_a_clip_is_dropped_by_a_key_or_by_a_loss_and_the_session_goes_on(session):
    made, now, folder = session
    made.press("1")
    now[0] += 4.0
    made.take(HEADER)
    made.take(BoardSample(0, (0.0, 0.0, 1.0)))
    made.press("\x7f")
    assert made.state() == SessionState("waiting", None, 0.0, "wave: dropped")
    made.press("1")
    now[0] += 4.0
    for stamp in (0, 1_500_000, 3_000_000):
        made.take(BoardSample(stamp, (0.0, 0.0, 1.0)))
    assert made.state().last.startswith("wave: not recorded. A recording needs a board that goes")
    assert not folder.exists() and made.saved == []


@pytest.mark.parametrize(
    ("labels", "seconds", "folder", "rule"),
    [
        (["a", "a"], 1.0, "own", "1 to 9 different labels"),
        ([str(number) for number in range(10)], 1.0, "own", "1 to 9 different labels"),
        (["a"], 0.0, "own", "--labels needs --seconds"),
        (["a"], 1.0, "own.csv", "must be a folder"),
    ],
)
def test_a_session_needs_labels_a_length_and_a_folder(tmp_path, labels, seconds, folder, rule):
    with pytest.raises(UserError, match=rule):
        RecordingSession(
            tmp_path / folder, labels, subject="anna", seconds=seconds, countdown=0.0, **WORN
        )
