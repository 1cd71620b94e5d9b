"""A model that takes longer than the gap that the recognizer bridges, on a clock of our own."""

import ctypes
from collections import Counter

import numpy as np
import pytest

from firmware import CAccelerometer, in_window_mode

PERIOD_US = 20_000  # 50 Hz
POLL_US = 2_000
OK, NO_SAMPLE = 0, 1
HOP = 25
# The classifier, with time that passes while it runs.
SHIM = """
typedef void (*Hook)(void);
Hook after_inference;
void pskd_classifier_invoke(const int8_t *input, int8_t *output) {
  pskd_plain_invoke(input, output);
  after_inference();
}
uint32_t deepest(const PskdActivityLoop *loop);
uint32_t deepest(const PskdActivityLoop *loop) { return loop->queue.deepest; }
"""


class Watch:
    """A board whose inference takes a given time, during which a timer may sample."""

    def __init__(self, library, samples, inference_us, apart=False, has_fifo=False):
        self.library, self.samples, self.apart = library, samples, apart
        self.fifo = ctypes.create_string_buffer(64) if has_fifo else None
        if has_fifo:
            library.pskd_sensor_fifo_start(self.fifo, PERIOD_US, PERIOD_US)
        self.now_us, self.read = 0, 0
        self.inferences = 0
        self.text = []
        self.kept = (
            CAccelerometer.start_type(lambda: OK),
            CAccelerometer.collect_type(self._collect),
            CAccelerometer.now_type(lambda: self.now_us % (1 << 32)),
            ctypes.CFUNCTYPE(None, ctypes.POINTER(ctypes.c_char), ctypes.c_int32)(
                lambda text, length: self.text.append(text[:length])
            ),
            ctypes.CFUNCTYPE(None)(lambda: self._infer(inference_us)),
        )
        axes = (ctypes.c_int8 * 3)(0, 1, 2), (ctypes.c_int8 * 3)(1, 1, 1)
        accelerometer = CAccelerometer(*self.kept[:3], *axes, 1.0, 8.0, int(apart))
        self.loop = ctypes.create_string_buffer(library.loop_bytes())
        ctypes.c_void_p.in_dll(library, "after_inference").value = ctypes.cast(
            self.kept[4], ctypes.c_void_p
        ).value
        library.start_loop(self.loop, ctypes.byref(accelerometer), self.kept[3])
        while self.now_us < PERIOD_US * len(samples):
            if library.pskd_activity_loop_step(self.loop) == 0:
                self._advance(POLL_US)
        # What still waits; then the sensor is silent.
        while library.pskd_activity_loop_step(self.loop) != 0:
            pass
        self.lines = b"".join(self.text).decode().splitlines()
        fields = [line.split(",") for line in self.lines]
        self.activities = [row for row in fields if row[0] == "activity"]
        self.decided = [row for row in self.activities if row[2] != "-2"]
        self.statuses = Counter(row[2] for row in fields if row[0] == "status")
        self.numbers = {row[2]: int(row[3]) for row in fields if row[0] == "status"}
        self.sent = [int(row[1]) for row in fields if row[0] == "sample"]
        self.deepest = library.deepest(self.loop)

    def _advance(self, duration_us):
        """Lets time pass, with an interrupt at each sample's time if the board has a timer."""
        end = self.now_us + duration_us
        if self.apart:
            for at in range(-(-self.now_us // PERIOD_US) * PERIOD_US, end + 1, PERIOD_US):
                if at > self.now_us:
                    self.now_us = at
                    self.library.pskd_activity_loop_sample(self.loop)
        self.now_us = end

    def _infer(self, duration_us):
        self.inferences += 1
        self._advance(duration_us)

    def _collect(self, queue):
        """The newest sample, if it was not read yet, with the time at which it was taken."""
        newest = self.now_us // PERIOD_US
        if newest < self.read or newest >= len(self.samples):
            return NO_SAMPLE
        if self.fifo is not None:
            return self._collect_fifo(queue, newest)
        self.read = newest + 1
        raw = (ctypes.c_float * 3)(*map(float, self.samples[newest]))
        stamp = ctypes.c_uint32(newest * PERIOD_US % (1 << 32))
        self.library.pskd_sample_queue_add(ctypes.c_void_p(queue), stamp, raw)
        return OK

    def _collect_fifo(self, queue, newest):
        """All samples that were not read yet; when the newest one was taken is not known."""
        stamp = ctypes.c_uint32(self.now_us % (1 << 32))
        self.library.pskd_sensor_fifo_begin(self.fifo, stamp, newest + 1 - self.read)
        for sample in self.samples[self.read : newest + 1]:
            raw = (ctypes.c_float * 3)(*map(float, sample))
            self.library.pskd_sensor_fifo_add(self.fifo, raw, ctypes.c_void_p(queue))
        self.read = newest + 1
        return OK


@pytest.fixture(scope="module")
def libraries(make_project, compile_with, core_shim, tmp_path_factory):
    """The core in either mode, with the model's duration given by Python."""
    made = {}
    for mode in ("clip", "window"):
        folder = tmp_path_factory.mktemp(mode)
        sources = make_project("cmake", threshold=0.3) / "src"
        settings = sources / "model_settings.h"
        if mode == "window":
            settings.write_text(in_window_mode(settings.read_text(), HOP))
        (folder / "shim.c").write_text(f'#include "plain_model.h"\n{core_shim}{SHIM}')
        classifier = sources / "activity_classifier_plain.c"
        text = classifier.read_text()
        assert "void pskd_classifier_invoke(" in text
        classifier.write_text(
            text.replace("void pskd_cl", "void other_cl").replace(
                '#include "plain_model.h"',
                '#include "plain_model.h"\nvoid other_classifier_invoke(const int8_t *, int8_t *);',
            )
        )
        left_out = ("main.c", "board.c", "application.c")
        files = [path for path in sources.glob("*.c") if path.name not in left_out]
        library = folder / "core.so"
        compile_with(
            *("gcc", "-std=c99", "-O2", "-shared", "-fPIC", f"-I{sources}", folder / "shim.c"),
            "-DPSKD_SENDS_SAMPLES=1",
            *(*files, "-o", library, "-lm"),
        )
        made[mode] = ctypes.CDLL(str(library))
    return made


@pytest.fixture(scope="module")
def samples(int8_student):
    """(samples, 3) float32 in g: 18 clips between seconds of rest, then a second of rest."""
    generator = np.random.default_rng(0)
    rest = lambda: generator.normal((0, 0, 1), 0.004, (100, 3))  # noqa: E731
    parts = [rest()]
    for index in range(9, 9 + 18 * 11, 11):
        parts += [int8_student.clips[index], rest()]
    # So that no window is due in the last 300 ms.
    parts.append(rest()[:20])
    return np.concatenate(parts).astype(np.float32)


@pytest.mark.parametrize("mode", ["clip", "window"])
def test_an_inference_of_300_ms_is_no_gap_when_sampling_stands_apart(libraries, samples, mode):
    """All samples reach the recognizer; decisions are those of a model that takes no time."""
    slow = Watch(libraries[mode], samples, 300_000, apart=True)
    quick = Watch(libraries[mode], samples, 0, apart=True)
    assert slow.activities == quick.activities
    assert len(slow.decided) == len(slow.activities) == slow.inferences
    assert slow.inferences == (18 if mode == "clip" else 1 + (len(samples) - 1 - 96) // HOP)
    # The sensor starts at the first sample, before the timer does.
    assert slow.sent == list(range(PERIOD_US, PERIOD_US * len(samples), PERIOD_US))
    assert set(slow.statuses) == {"model_started", "sensor_started"}
    assert 14 <= slow.deepest <= 16 and quick.deepest == 1


@pytest.mark.parametrize(("mode", "decided"), [("clip", 18), ("window", 232)])
def test_a_fifo_holds_what_comes_during_an_inference(libraries, samples, mode, decided):
    """Read by the loop, without timer: every sample once, no gap, the same classes."""
    slow = Watch(libraries[mode], samples, 300_000, has_fifo=True)
    quick = Watch(libraries[mode], samples, 0, has_fifo=True)
    assert len(slow.decided) == len(slow.activities) == slow.inferences == decided
    assert len(slow.sent) == len(samples) and np.diff(slow.sent).min() > 0
    assert np.abs(np.array(slow.sent) - PERIOD_US * np.arange(len(samples))).max() <= PERIOD_US
    assert 14 <= slow.deepest <= 16 and set(slow.statuses) == {"model_started", "sensor_started"}
    same = [one[2] == other[2] for one, other in zip(slow.decided, quick.decided, strict=True)]
    assert sum(same) >= 0.95 * decided


@pytest.mark.parametrize(("mode", "decided"), [("clip", 18), ("window", 53)])
def test_read_by_the_loop_alone_it_is_a_gap(libraries, samples, mode, decided):
    """A sensor without FIFO on a board without timer: no sample was taken meanwhile."""
    watch = Watch(libraries[mode], samples, 300_000)
    assert len(watch.decided) == decided == len(watch.activities) - len(watch.decided)
    assert len(samples) - len(watch.sent) == 14 * decided


def test_an_inference_longer_than_a_hop_leaves_windows_out(libraries, samples):
    """0.7 s for a hop of 0.5 s: fewer decisions, each of a whole window, and the signal stays."""
    slow = Watch(libraries["window"], samples, 700_000, apart=True)
    due = 1 + (len(samples) - 1 - 96) // HOP
    assert len(slow.decided) == len(slow.activities) == slow.inferences
    assert slow.inferences + slow.numbers["windows_skipped"] in (due - 1, due)
    assert slow.numbers["windows_skipped"] == slow.statuses["windows_skipped"] > 50
    assert "samples_lost" not in slow.statuses and 35 <= slow.deepest < 64
    spans = np.diff([int(row[1]) for row in slow.decided])
    assert set(spans) == {500_000, 1_000_000}


def test_an_overflow_is_counted_and_said(libraries, samples):
    """2 s are 100 samples, 64 fit: the gap is a gap, and the line before it says why."""
    slow = Watch(libraries["clip"], samples, 2_000_000, apart=True)
    lost = slow.numbers["samples_lost"]
    assert len(slow.sent) + lost == len(samples) - 1 and slow.deepest == 64
    assert 10 < slow.statuses["samples_lost"] <= len(slow.activities) - len(slow.decided)
    first = next(index for index, line in enumerate(slow.lines) if ",samples_lost," in line)
    assert slow.lines[first].endswith(",samples_lost,36")
