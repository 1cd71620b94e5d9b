"""SmartFallMM's watch with known defects: nothing recoverable is dropped, nothing wrong is kept."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from data_prep.preparation import prepare_dataset
from data_prep.prepared_set_tables import dropped_clips, lost_classes
from smartfallmm_files import gravity_turning, watch_csv

SECONDS = np.arange(192) / 32
VALUES = gravity_turning(SECONDS)


def _with(change: Callable[[np.ndarray], None]) -> str:
    values = VALUES.copy()
    change(values)
    return watch_csv(SECONDS, values)


def _without(first: float, last: float) -> str:
    kept = (first > SECONDS) | (last < SECONDS)
    return watch_csv(SECONDS[kept], VALUES[kept])


def _some_rows(text: str, row: str, count: int) -> str:
    lines = text.splitlines()
    for place in range(10, 10 + 7 * count, 7):
        lines[place] = f"{lines[place].split(',')[0]},{row}"
    return "\n".join(lines) + "\n"


def _lost_as_zeros(first: int, last: int) -> str:
    def change(values: np.ndarray) -> None:
        values[first:last] = 0.0

    return _with(change)


def _sensor_of(factor: float, first: int, last: int) -> str:
    def change(values: np.ndarray) -> None:
        values[first:last] = [factor * 9.80665, 0.0, 0.0]

    return _with(change)


_CLEAN = watch_csv(SECONDS, VALUES)
_DRIFT = np.concatenate([np.arange(78) / 26, 3 + np.arange(150) / 50])
# Defect -> the file, and whether its movement is all there.
DEFECTS: dict[str, tuple[str, bool]] = {
    "none": (_CLEAN, True),
    "bursts of 0.4 s": (watch_csv(np.floor(SECONDS / 0.4) * 0.4 + 0.4, VALUES), True),
    "a pause that the next burst fills": (
        watch_csv(np.where((SECONDS > 2) & (SECONDS < 3.4), 3.4, SECONDS), VALUES),
        True,
    ),
    "a rate that drifts": (watch_csv(_DRIFT, gravity_turning(_DRIFT)), True),
    "a header": (f"time,accel_x,accel_y,accel_z\n{_CLEAN}", True),
    "stamps in the place of values": (_some_rows(_CLEAN, "1659612242384,0.1,0.2", 5), True),
    "rows of NaN": (_some_rows(_CLEAN, "nan,nan,nan", 5), True),
    "a few zeros": (_lost_as_zeros(60, 66), True),
    "a cut last line": (_CLEAN.rstrip()[:-4], True),
    "a few samples out of order": (
        "".join(_CLEAN.splitlines(keepends=True)[n] for n in [*range(50), 51, 50, *range(52, 192)]),
        True,
    ),
    "2 s lost": (_without(2, 4), False),
    "2 s of zeros": (_lost_as_zeros(60, 124), False),
    "37.7 g of another sensor": (_sensor_of(37.7, 60, 64), False),
    "values of a gyroscope": (_with(lambda values: values.__imul__(30.0)), False),
    "m/s^2 in g": (_with(lambda values: values.__itruediv__(9.80665)), False),
    "three equal axes": (_with(lambda values: values.__setitem__((...,), values[:, 1:2])), False),
    "a clock that is set back": (
        watch_csv(np.concatenate([SECONDS[:96], SECONDS[:96]]), VALUES),
        False,
    ),
    "an empty file": ("", False),
    "one row": (_CLEAN.splitlines()[0] + "\n", False),
}


def test_the_drop_table_by_class(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    """Each defect in five clips: the first ten in activities, falls among them, the others, too."""
    folder = tmp_path / "raw/young/accelerometer/watch"
    folder.mkdir(parents=True)
    defects: dict[str, str] = {}
    for number, name in enumerate(DEFECTS):
        for subject in range(1, 6):
            action = 1 + (number + 3 * subject) % 14
            clip = f"S{subject:02d}A{action:02d}T{number + 1:02d}"
            (folder / f"{clip}.csv").write_text(DEFECTS[name][0])
            defects[f"young_{clip}"] = name
    prepared = prepare_dataset("smartfallmm", tmp_path / "raw", tmp_path / "set", quarantine=True)
    kept = dict(zip(prepared.manifest["clip_id"], range(len(prepared)), strict=True))
    for clip_id, name in defects.items():
        assert (clip_id in kept) == DEFECTS[name][1], (clip_id, name)
        if clip_id in kept:
            values = prepared.accelerometer(kept[clip_id])
            expected = gravity_turning(np.arange(len(values)) / 50) / 9.80665
            # 0.2 s of zeros are bridged by a straight line, with a note.
            limit = 0.15 if name == "a few zeros" else 0.04
            assert np.abs(values - expected).max() < limit, (clip_id, name)
    recoverable = sum(is_there for _, is_there in DEFECTS.values())
    assert (len(prepared), len(prepared.quarantine)) == (
        5 * recoverable, 5 * (len(DEFECTS) - recoverable),
    )  # fmt: skip
    lines = [f"{one.where}: {one.text}" for one in dropped_clips(prepared)]
    with capsys.disabled():
        print("\n" + "\n".join(lines))
    assert sum(int(line.split()[0]) for line in lines) == len(prepared.quarantine)
    assert [one.kind for one in lost_classes(prepared)].count("lost") == 14
