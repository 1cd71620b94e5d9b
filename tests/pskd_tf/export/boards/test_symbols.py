"""Two models in one image, each with its own prefix."""

import ctypes
import re

import numpy as np
import pytest

from data_prep.errors import UserError
from hand_made import HandMade
from pskd_tf.device.recognizer import RecognizerSettings
from pskd_tf.export.boards.axis_map import AxisMap
from pskd_tf.export.boards.project import board_project, write_board_project
from pskd_tf.export.boards.symbols import with_prefix
from pskd_tf.export.boards.targets import BOARD_TARGETS
from pskd_tf.export.student import export_student

# Feeds a sample; writes activity, bits of the confidence and outputs of a decision.
FEED = """\
#include "activity_classifier.h"
#include "activity_recognizer.h"
#include "project_settings.h"
void pskd_begin(void);
int pskd_feed(uint32_t time_us, const float *sample, int32_t *decision);
static PskdActivityRecognizer recognizer;
void pskd_begin(void) {
  PskdLoopSettings settings;
  pskd_project_settings(&settings);
  (void)pskd_classifier_start();
  pskd_activity_recognizer_start(&recognizer, &settings.recognizer);
}
int pskd_feed(uint32_t time_us, const float *sample, int32_t *decision) {
  int32_t index;
  const PskdRecognizerEvent event =
      pskd_activity_recognizer_add(&recognizer, time_us, sample, pskd_classifier_invoke);
  decision[0] = recognizer.activity;
  memcpy(decision + 1, &recognizer.confidence, sizeof(*decision));
  for (index = 0; index < PSKD_NUM_CLASSES; ++index) decision[index + 2] = recognizer.output[index];
  return event == PSKD_RECOGNIZER_DECIDED && pskd_classifier_status() == PSKD_CLASSIFIER_OK;
}
"""


def _other_model():
    net = HandMade(np.random.default_rng(1), 96, 10)
    net.conv(8, taps=7, stride=4, activation=1)
    net.depthwise(taps=7, stride=2, activation=1)
    net.pool(4, 4)
    net.flatten()
    net.dense(27)
    return net.build()


@pytest.fixture(scope="module")
def images(exported, export_arguments, compile_with, tmp_path_factory):
    """Two models with prefixes of their own: each alone, and both in one library."""
    folder = tmp_path_factory.mktemp("symbols")
    arguments = export_arguments | {
        "tflite": _other_model(),
        "class_names": list(map(str, range(27))),
    }
    export_student(folder / "run" / "export", **arguments)
    sources = {}
    for prefix, run_dir in (("left_wrist", exported.parent), ("ankle", folder / "run")):
        files = board_project(
            run_dir,
            BOARD_TARGETS["cmake"],
            prefix,
            runtime="plain_c",
            axes=AxisMap(),
            settings=RecognizerSettings(threshold=0.3),
            symbol_prefix=prefix,
        )
        write_board_project(folder / prefix, files)
        source = folder / prefix / "src"
        (source / "feed.c").write_text(with_prefix(FEED, prefix))
        left_out = ("main.c", "board.c", "application.c")
        sources[prefix] = [path for path in source.glob("*.c") if path.name not in left_out]
    sources["both"] = sources["left_wrist"] + sources["ankle"]
    for name, files in sources.items():
        library = folder / f"{name}.so"
        compile_with(*("gcc", "-std=c99", "-O2", "-shared", "-fPIC", *files, "-o", library, "-lm"))
    return folder


def _decisions(library, prefixes, recording):
    """Feeds each sample to all prefixes in turn; returns the decisions of each."""
    found = {prefix: [] for prefix in prefixes}
    decision = (ctypes.c_int32 * 29)()
    for prefix in prefixes:
        getattr(library, f"{prefix}_begin")()
    for index, sample in enumerate(recording):
        values = (ctypes.c_float * 3)(*map(float, sample))
        for prefix in prefixes:
            feed = getattr(library, f"{prefix}_feed")
            if feed(ctypes.c_uint32(20_000 * index), values, decision):
                found[prefix].append((index, *decision))
    return found


def test_two_models_in_one_image_decide_as_each_alone(images, recording):
    """Fed sample by sample in turn, to the last bit; and they are different models."""
    both = _decisions(ctypes.CDLL(str(images / "both.so")), ("left_wrist", "ankle"), recording)
    for prefix in ("left_wrist", "ankle"):
        alone = _decisions(ctypes.CDLL(str(images / f"{prefix}.so")), (prefix,), recording)
        assert both[prefix] == alone[prefix] and len(alone[prefix]) >= 4
    outputs = [[row[3:] for row in both[prefix]] for prefix in both]
    assert all(one != other for one, other in zip(*outputs, strict=True))


def test_both_headers_go_into_one_source(images, compile_with, tmp_path):
    text = "".join(
        f'#include "{images / prefix / "src" / name}"\n'
        for prefix in ("left_wrist", "ankle")
        for name in ("activity_loop.h", "application.h", "project_settings.h", "plain_model.h")
    )
    (tmp_path / "both.c").write_text(
        f"{text}int main(void) {{ return LEFT_WRIST_STEPS == ANKLE_STEPS ? 0 : 1; }}\n"
    )
    compile_with("gcc", "-std=c99", "-fsyntax-only", tmp_path / "both.c")
    compile_with("g++", "-std=c++11", "-fsyntax-only", "-x", "c++", tmp_path / "both.c")


@pytest.mark.parametrize("runtime", ["plain_c", "tflm"])
def test_no_symbol_keeps_the_default_prefix(exported, runtime):
    """Options of the build do, and the protocol's first word."""
    files = board_project(
        exported.parent,
        BOARD_TARGETS["stm32"],
        "one",
        runtime=runtime,
        axes=AxisMap(),
        settings=RecognizerSettings(),
        symbol_prefix="ankle",
    )
    text = "\n".join(
        body.decode() for name, body in files.items() if name.endswith((".c", ".h", ".cpp"))
    )
    words = set(re.findall(r"\b(?:pskd|PSKD|Pskd)\w*", text)) - {"pskd_tf"}
    assert words <= {
        *("pskd", "PSKD_SELF_TEST", "PSKD_QUEUE_SAMPLES", "PSKD_SENDS_SAMPLES"),
        *("PSKD_MEMORY_BARRIER", "PSKD_PLAIN_PORTABLE", "PSKD_PLAIN_NO_HELIUM"),
    }
    assert '"pskd"' in text and "ankle_hal_now_us" in text


@pytest.mark.parametrize("prefix", ["", "Left", "9a", "a__b", "a_", "a-b", "ä"])
def test_a_prefix_that_is_no_name_is_refused(exported, prefix):
    with pytest.raises(UserError, match="symbol_prefix has small letters"):
        board_project(
            exported.parent,
            BOARD_TARGETS["cmake"],
            "one",
            runtime="plain_c",
            axes=AxisMap(),
            settings=RecognizerSettings(),
            symbol_prefix=prefix,
        )
