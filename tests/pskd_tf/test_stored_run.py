"""A run of an earlier version is loaded, and gives the outputs that it gave then."""

import json
from pathlib import Path

import numpy as np
import pytest

from data_prep.downloading import unpack_archive
from pskd_tf.runs.finished_run import FinishedRun, load_run
from store_run import FOLDER, outputs


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    archive = FOLDER / "run.tar.xz"
    assert archive.stat().st_size < 200_000
    folder: Path = tmp_path_factory.mktemp("stored") / "run"
    unpack_archive(archive, folder)
    return load_run(folder)


def test_its_records_are_read(stored):
    assert stored.metrics["student"]["int8"]["accuracy"]["values"] == [41 / 96]
    assert stored.settings.seeds == (1,)
    assert stored.inputs.accelerometer_shape == (96, 1, 10)
    assert stored.class_names[:3] == ("wave_one_arm", "wave_both_arms", "punch")
    assert len(stored.tflite) == 39024


def test_its_students_give_the_same_outputs(stored):
    kept, now = json.loads((FOLDER / "outputs.json").read_text()), outputs(stored)
    # Those of int8 are the same bytes; what remains is the machine's softmax.
    np.testing.assert_allclose(now["int8"], kept["int8"], rtol=1e-12)
    for form in ("float", "pruned"):
        np.testing.assert_allclose(now[form], kept[form], rtol=1e-4, atol=1e-6)
