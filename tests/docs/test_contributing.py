"""What CONTRIBUTING says is true: its data set and its method work as they stand there."""

import json
import re
import sys
import types
from pathlib import Path

import keras
import numpy as np
import pytest

from data_prep import registry as load_dataset
from data_prep.errors import UserError
from data_prep.preparation import prepare_dataset
from project import ROOT

TEXT = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
DATASET, METHOD = re.findall(r"^```python\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)


def module_of(name: str, source: str) -> types.ModuleType:
    module = types.ModuleType(name)
    sys.modules[name] = module  # dataclasses look their module up
    exec(compile(source, name, "exec"), vars(module))
    return module


@pytest.fixture
def gestures(monkeypatch, tmp_path) -> Path:
    """The loader in its place, with its one line in the table; and a folder of recordings."""
    monkeypatch.setitem(load_dataset._LOADERS, "gestures", "GesturesLoader")
    monkeypatch.setattr(load_dataset, "DATASETS", (*load_dataset.DATASETS, "gestures"))
    module_of("data_prep.loaders.gestures", DATASET)
    folder = tmp_path / "raw"
    folder.mkdir()
    for subject in ("anna", "berta", "carl"):
        for action in ("wave", "lift"):
            rows = np.tile([0.0, 0.0, 9.80665], (75, 1))
            np.savetxt(folder / f"{subject}_{action}_1.txt", rows)
    yield folder
    del sys.modules["data_prep.loaders.gestures"]


def test_the_data_set_is_prepared(gestures, tmp_path):
    prepared = prepare_dataset("gestures", gestures, tmp_path / "set")
    assert len(prepared) == 6
    assert prepared.description.class_names == ["lift", "wave"]
    assert prepared.description.protocols["cross_subject"]["test_subjects"] == ["berta"]
    np.testing.assert_allclose(prepared.accelerometer(3), np.tile([0, 0, 1], (75, 1)), atol=1e-6)


def test_its_mistakes_are_named(gestures, tmp_path):
    """By the file, without a line of its own for that."""
    (gestures / "anna_lift_1.txt").write_text("0 0\n")
    with pytest.raises(UserError, match=r"A row must hold 3 numbers.*anna_lift_1\.txt"):
        prepare_dataset("gestures", gestures, tmp_path / "set")


def test_the_method_follows_the_most_certain_teacher():
    """KD from the teacher of least entropy among those available."""
    module = module_of("most_certain_distillation", METHOD)
    logits = np.float32([[[0, 0, 0], [5, 0, 0]], [[2, 0, 0], [0, 1, 0]], [[9, 0, 0], [0, 1, 0]]])
    targets = {
        "labels": np.int32([0, 1, 2]),
        "teacher_logits": logits,
        "teacher_available": np.float32([[1, 1], [1, 1], [0, 1]]),
    }
    outputs = {"logits": np.float32([[1, 0, 0], [0, 1, 0], [0, 0, 1]])}
    loss = module.MostCertainDistillation(temperature=2.0)
    terms = loss.terms(targets, outputs)
    np.testing.assert_array_equal(terms.selection[:, :2], [[0, 1], [1, 0], [0, 1]])
    config = json.loads(json.dumps(keras.saving.serialize_keras_object(loss)))
    again = keras.saving.deserialize_keras_object(config)
    assert again.get_config() == loss.get_config() | {"name": loss.name}


def test_every_path_in_the_text_exists():
    """Those with NAME in them are patterns."""
    named = set(re.findall(r"`((?:[\w.]+/)+[\w.]+)`", TEXT))
    named = {name for name in named if not name.startswith("gestures/") and "NAME" not in name}
    assert len(named) >= 6
    assert [name for name in sorted(named) if not (ROOT / name).exists()] == []
