"""Files of a run: whatever they hold, they are read by their rules or refused in one line."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from data_prep.errors import UserError
from data_prep.records import read_arrays, read_json_object
from pskd_tf.device.recognizer import ChosenSettings
from pskd_tf.exported import Export
from pskd_tf.metrics_record import read_metrics
from pskd_tf.run import Run
from pskd_tf.run_records import (
    check_stage,
    keep_stage_hashes,
    publish,
    read_result,
    read_run_record,
    withdraw,
)
from pskd_tf.settings import read_run_settings
from pskd_tf.stage_record import Predictions, StageRecord

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3)
    ),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def texts(tiny_run) -> dict[str, str]:
    """The records of a run, as they were written."""
    (fit,) = tiny_run.glob("stages/student*/")
    paths = {
        "metrics.json": tiny_run / "metrics.json",
        "settings.json": tiny_run / "settings.json",
        "manifest.json": tiny_run / "export" / "manifest.json",
        "run.json": tiny_run / "run.json",
        "stage.json": fit / "stage.json",
        "result.json": fit / "result.json",
        "files.json": fit / "files.json",
    }
    found = {name: path.read_text(encoding="utf-8") for name, path in paths.items()}
    found["recognizer.json"] = '{"settings": {"threshold": 0.5}, "made_by": {"hours": 1.0}}'
    found["compression.json"] = (
        '{"candidates": [{"name": "a", "method": "ptq", "flash_bytes": 9, "int8_accuracy": 0.5}]}'
    )
    return found


READERS = {
    "metrics.json": lambda folder: read_metrics(folder / "metrics.json"),
    "settings.json": read_run_settings,
    "manifest.json": lambda folder: (Export.read(folder), Export.read(folder).made_from),
    "run.json": read_run_record,
    "stage.json": StageRecord.load,
    "result.json": lambda folder: read_result(folder, "fit"),
    "files.json": check_stage,
    "recognizer.json": ChosenSettings.read,
    "compression.json": lambda folder: Run.load(folder).compression,
}


def replaced(value: Any, place: int, new: Any) -> Any:
    """Returns a JSON value in which one of its parts, found by a number, is another value."""
    parts = list(value.items()) if isinstance(value, dict) else list(enumerate(value))
    if not parts:
        return new
    key, part = parts[place % len(parts)]
    place //= len(parts)
    deeper = isinstance(part, dict | list) and place % 4 != 0
    other = replaced(part, place // 4, new) if deeper else new
    if isinstance(value, dict):
        return {**value, key: other}
    return [*value[:key], other, *value[key + 1 :]]


@pytest.mark.parametrize("name", READERS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10**9), new=VALUES)
def test_other_values_are_read_or_refused(texts, tmp_path, name, place, new):
    whole = replaced(json.loads(texts[name]), place, new)
    (tmp_path / name).write_text(json.dumps(whole), encoding="utf-8")
    read_or_refused(name, tmp_path)


@pytest.mark.parametrize("name", READERS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10**6), noise=st.binary(max_size=9), cut=st.booleans())
def test_other_bytes_are_read_or_refused(texts, tmp_path, name, place, noise, cut):
    content = texts[name].encode()
    place %= len(content)
    rest = b"" if cut else content[place + len(noise) :]
    (tmp_path / name).write_bytes(content[:place] + noise + rest)
    read_or_refused(name, tmp_path)


def read_or_refused(name: str, folder: Path) -> None:
    if name in ("stage.json", "files.json"):
        (folder / "result.json").write_text("{}")
    try:
        READERS[name](folder)
    except UserError as error:
        assert str(folder) in str(error) and len(str(error).splitlines()) == 1


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.integers(0, 10**6), noise=st.binary(max_size=9), cut=st.booleans())
def test_other_bytes_of_predictions_are_read_or_refused(tmp_path, place, noise, cut):
    path = tmp_path / "predictions.npz"
    probabilities = np.full((3, 2), 0.5)
    flags = np.ones(3, bool)
    np.savez(
        path, clip_ids=["a"] * 3, labels=np.arange(3), on_wrist=flags, probabilities=probabilities
    )
    content = path.read_bytes()
    place %= len(content)
    rest = b"" if cut else content[place + len(noise) :]
    path.write_bytes(content[:place] + noise + rest)
    try:
        found = Predictions.load([tmp_path])
    except UserError as error:
        assert "predictions.npz" in str(error)
    else:
        assert found.probabilities.shape == (3, 2)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"seeds": [1, 2]}, r"must have a value for each seed\. Received: 1"),
        ({"seeds": []}, r"must not be empty"),
        ({"wall_seconds": {"../x": 1.0}}, r"wall_seconds\.\.\./x.*pattern"),
        ({"run_key": "12"}, r"run_key: .*pattern"),
        ({"model": {}}, r"model\.parameters: Field required"),
        ({"student": [1]}, r"student: .*Received: \[1\]"),
    ],
)
def test_metrics_of_another_shape_are_refused(texts, tmp_path, change, message):
    values = json.loads(texts["metrics.json"]) | change
    (tmp_path / "metrics.json").write_text(json.dumps(values))
    with pytest.raises(UserError, match=f"{message}.*metrics.json"):
        read_metrics(tmp_path / "metrics.json")


def test_numbers_that_are_none_are_refused(tmp_path):
    for text in ("NaN", "-Infinity", "1e999"):
        (tmp_path / "a.json").write_text(f'{{"x": {text}}}')
        with pytest.raises(UserError, match=rf"{text} is no finite number"):
            read_json_object(tmp_path / "a.json")
    assert read_json_object(tmp_path / "a.json", finite=False)["x"] == float("inf")


def test_a_missing_array_is_named(tmp_path):
    np.savez(tmp_path / "a.npz", one=[1.0])
    assert read_arrays(tmp_path / "a.npz")["one"].tolist() == [1.0]
    with pytest.raises(UserError, match=r"readable \.npz file\. Received: KeyError: .*two"):
        read_arrays(tmp_path / "a.npz", ("two",))


def test_published_files_are_added_and_withdrawn(tmp_path):
    publish(tmp_path, [])  # a folder of no run stays without a record
    assert read_run_record(tmp_path) is None
    for name in ("a", "b"):
        (tmp_path / name).write_text(name)
    publish(tmp_path, ["a"], "0" * 64)
    publish(tmp_path, ["b"], "0" * 64)
    withdraw(tmp_path, ["a", "c"])
    record = read_run_record(tmp_path)
    assert (record.run_key, list(record.files)) == ("0" * 64, ["b"])
    assert record.files["b"].startswith("3e23e816")  # printf b | sha256sum


def test_a_stage_of_an_older_version_needs_its_result_alone(tmp_path):
    (tmp_path / "result.json").write_text("{}")
    (tmp_path / "weights.npz").write_text("w")
    check_stage(tmp_path)
    keep_stage_hashes(tmp_path)
    check_stage(tmp_path)
    (tmp_path / "weights.npz").write_text("W")
    with pytest.raises(UserError, match=r"must be as written.*other bytes.*weights\.npz"):
        check_stage(tmp_path)
