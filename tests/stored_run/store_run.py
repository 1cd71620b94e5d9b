"""Stores a run for the tests of later versions: its records, its students and their outputs.

python tests/stored_run/store_run.py RUN

Writes run.tar.xz (under 200 kB) and outputs.json beside this file. Do it again only when a change
of the files of a run is wanted; `RUN_FORMAT` rises with it, and the former archive is then one that
is refused.
"""

import io
import json
import lzma
import sys
import tarfile
from pathlib import Path
from typing import Any

import numpy as np

FOLDER = Path(__file__).parent
# Without what other files repeat: C sources, golden vectors, teachers, report.
KEPT = (
    "run.json",
    "settings.json",
    "metrics.json",
    "splits_*.json",
    "export/manifest.json",
    "export/model_settings.h",
    "export/student_int8.tflite",
    "stages/compressed-*/*",
    "stages/student-*/*",
)


def recordings() -> list[np.ndarray]:
    """Returns four recordings `(samples, 3)` in g, 1 to 4 s at 50 Hz."""
    random = np.random.default_rng(19)
    found = []
    for seconds in (1, 2, 3, 4):
        times = np.arange(50 * seconds) / 50
        waves = np.sin(2 * np.pi * times[:, None] * random.uniform(0.5, 3, 3))
        found.append((waves * random.uniform(0.2, 1.5, 3) + [0, 0, 1]).astype(np.float32))
    return found


def outputs(run: Any) -> dict[str, list[list[float]]]:
    """Returns the class probabilities of the recordings, by the form of the student."""
    return {
        form: [run.predict(one, form=form).probabilities.tolist() for one in recordings()]
        for form in ("float", "pruned", "int8")
    }


def main(run_dir: Path) -> None:
    """Writes both files."""
    from pskd_tf import load_run

    unpacked = io.BytesIO()
    with tarfile.open(fileobj=unpacked, mode="w") as archive:
        for path in sorted(path for pattern in KEPT for path in run_dir.glob(pattern)):
            item = tarfile.TarInfo(path.relative_to(run_dir).as_posix())
            item.size = path.stat().st_size
            with open(path, "rb") as stream:
                archive.addfile(item, stream)
    content = lzma.compress(unpacked.getvalue(), preset=9 | lzma.PRESET_EXTREME)
    (FOLDER / "run.tar.xz").write_bytes(content)
    text = json.dumps(outputs(load_run(run_dir)), indent=1)
    (FOLDER / "outputs.json").write_text(f"{text}\n", encoding="utf-8")
    print(f"{len(content)} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
