"""Clips come in order, the same from any number of workers, and only a few at a time."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from data_prep import clip_reading as module
from data_prep.clip import Clip
from data_prep.clip_reading import read_clips
from data_prep.errors import Refusal, UserError
from data_prep.formats.archives import RawFile
from data_prep.loader import ClipSource, Discovery
from data_prep.loaders.synthetic.loader import SyntheticLoader
from data_prep.loaders.utd_mhad import UTDMHADLoader
from data_prep.preparation import prepare_dataset
from project import ROOT


@dataclass(frozen=True)
class NumberedLoader:
    """Clips whose first value is their number; every tenth is bad, `bug` is a bug."""

    num_clips: int
    bug: int = -1
    log_dir: Path | None = None

    def discover(self) -> Discovery:
        sources = [
            ClipSource(f"c{number}", "1", 0, str(number)) for number in range(self.num_clips)
        ]
        return Discovery(SyntheticLoader().discover().description, sources)

    def read(self, source: ClipSource) -> Clip:
        number = int(source.trial)
        if self.log_dir is not None:
            (self.log_dir / f"{os.getpid()}-{number}").touch()
        if number == self.bug:
            raise ZeroDivisionError("a bug in the loader")
        if number % 10 == 9:
            raise UserError("A rule", number, f"file_{number}.csv")
        acceleration = np.tile(np.float32([number / 1000, 1, 0]), (3, 1))
        return Clip(source.clip_id, "1", 0, source.trial, "right_wrist", acceleration)


def summary(item: Clip | Refusal) -> tuple:
    if isinstance(item, Refusal):
        return (item.clip_id, str(item.error))
    return (item.clip_id, item.accelerometer.tobytes())


@pytest.fixture(scope="module")
def expected() -> list[tuple]:
    loader = NumberedLoader(50)
    return [summary(item) for item in read_clips(loader, loader.discover().sources, "here")]


def test_here(expected: list[tuple]):
    assert [name for name, _ in expected] == [f"c{number}" for number in range(50)]
    assert expected[9] == ("c9", "A rule. Received: 9 (file: file_9.csv)")
    assert expected[7][1] == np.tile(np.float32([0.007, 1, 0]), (3, 1)).tobytes()


def test_clips_of_one_file_are_read_by_one_worker():
    loader = NumberedLoader(50)
    recording = RawFile("long.csv", Path("long.csv"))
    sources = [
        replace(source, files={"accelerometer": recording} if 5 <= number < 30 else {})
        for number, source in enumerate(loader.discover().sources)
    ]
    chunks = [
        [int(source.trial) for source in chunk] for chunk in module._Chunks(loader, sources, 3)
    ]
    assert [(chunk[0], chunk[-1]) for chunk in chunks] == [(0, 29), (30, 37), (38, 45), (46, 49)]


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_processes_give_the_same(expected: list[tuple], workers: int):
    """Also the errors of bad clips, to the letter, though they cross a process's border."""
    loader = NumberedLoader(50)
    items = read_clips(loader, loader.discover().sources, "processes", workers)
    assert [summary(item) for item in items] == expected


def test_a_slow_trial_continues_in_a_pool(expected: list[tuple], monkeypatch, tmp_path: Path):
    """The clips of the trial are read here, all others by other processes, none twice."""
    monkeypatch.setattr(module, "_pool_pays", lambda spent, share, cores: share > 0.3)
    loader = NumberedLoader(50, log_dir=tmp_path)
    items = read_clips(loader, loader.discover().sources, workers=0)
    assert [summary(item) for item in items] == expected
    readers = Counter(path.name.split("-")[0] for path in tmp_path.iterdir())
    assert readers.pop(str(os.getpid())) == 16
    assert sum(readers.values()) == 34


@pytest.mark.parametrize(
    ("spent", "share", "cores", "pays"),
    [
        (1.9, 0.001, 8, False),  # the trial is not over
        (2.0, 0.5, 2, False),  # 2 s are left
        (2.0, 0.19, 2, True),  # 8.5 s are left
        (2.0, 0.001, 1, False),
    ],
)
def test_when_a_pool_pays(spent: float, share: float, cores: int, pays: bool):
    assert module._pool_pays(spent, share, cores) is pays


def test_few_clips_are_ahead(tmp_path: Path):
    """However slowly clips are taken, at most 16 a worker are read ahead."""
    loader = NumberedLoader(200, log_dir=tmp_path)
    items = read_clips(loader, loader.discover().sources, workers=2)
    next(items)
    deadline = time.monotonic() + 30
    while len(list(tmp_path.iterdir())) < 32 and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(0.2)
    assert len(list(tmp_path.iterdir())) == 32
    items.close()
    assert len(list(tmp_path.iterdir())) < 60


def test_bug_keeps_its_type():
    loader = NumberedLoader(20, bug=12)
    with pytest.raises(ZeroDivisionError, match="a bug in the loader"):
        list(read_clips(loader, loader.discover().sources, workers=2))


def test_bad_values_are_refused():
    """What a loader overlooks, the check finds."""

    @dataclass(frozen=True)
    class Overlooking(NumberedLoader):
        def read(self, source: ClipSource) -> Clip:
            clip = super().read(source)
            return replace(clip, accelerometer=clip.accelerometer * np.float32(np.nan))

    loader = Overlooking(1)
    (item,) = read_clips(loader, loader.discover().sources)
    assert str(item.error).startswith("The accelerometer must be finite")


def test_archives_and_workers(utd_dir: Path, zip_folder, tmp_path: Path):
    """A prepared set of zipped recordings has the same bytes from one and two workers."""
    for name in ("Inertial", "Skeleton"):
        zip_folder(utd_dir / name)
    one = prepare_dataset("utd_mhad", utd_dir, tmp_path / "one")
    two = prepare_dataset("utd_mhad", utd_dir, tmp_path / "two", workers=2)
    assert one.fingerprint == two.fingerprint
    for name in ("manifest.csv", "accelerometer.npy", "skeleton.npy"):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_workers_end_with_a_killed_parent(tmp_path: Path):
    """No process is left that reads for nobody."""
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from test_clip_reading import NumberedLoader\n"
        "from data_prep.clip_reading import read_clips\n"
        "if __name__ == '__main__':\n"
        "    loader = NumberedLoader(64, log_dir=Path(sys.argv[1]))\n"
        "    items = read_clips(loader, loader.discover().sources, workers=2)\n"
        "    next(items); print('reading', flush=True); sys.stdin.read()\n"
    )
    (tmp_path / "script.py").write_text(script)
    (tmp_path / "log").mkdir()
    command = [sys.executable, tmp_path / "script.py", tmp_path / "log"]
    folders = (ROOT, ROOT / "tests" / "support", Path(__file__).parent)
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, folders))}
    with subprocess.Popen(
        command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout.readline() == "reading\n"
        workers = {int(path.name.split("-")[0]) for path in (tmp_path / "log").iterdir()}
        assert workers and parent.pid not in workers
        parent.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 30
    while any(is_alive(worker) for worker in workers) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(is_alive(worker) for worker in workers)


def is_alive(process_id: int) -> bool:
    try:
        state = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"  # ended, but not yet waited for by whoever inherited it


# Reads through Ray in a process of its own, so that its cluster leaves no trace in the tests.
_ON_RAY = """
import json, sys
sys.path.insert(0, sys.argv[1])
from data_prep.clip_reading import read_clips
from data_prep.loaders.utd_mhad import UTDMHADLoader
loader = UTDMHADLoader(sys.argv[2])
sources = loader.discover().sources * 12
items = list(read_clips(loader, sources, "ray", workers=2))
print(json.dumps([
    [i.clip_id, i.accelerometer.tobytes().hex() if hasattr(i, "accelerometer") else str(i.error)]
    for i in items
]))
"""


@pytest.mark.slow
def test_ray_gives_the_same(utd_dir: Path, zip_folder):
    """On a real local cluster of 2 CPUs; one clip is bad."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'pskd_tf[test]'")
    (utd_dir / "Inertial/a1_s2_t1_inertial.mat").write_bytes(b"bad")
    zip_folder(utd_dir / "Inertial")
    command = [sys.executable, "-c", _ON_RAY, str(ROOT), str(utd_dir)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False)
    assert result.returncode == 0, result.stderr
    loader = UTDMHADLoader(utd_dir)
    sources = loader.discover().sources * 12
    expected = [
        [item.clip_id, str(item.error)]
        if isinstance(item, Refusal)
        else [item.clip_id, item.accelerometer.tobytes().hex()]
        for item in read_clips(loader, sources)
    ]
    assert len(expected) == 36
    assert json.loads(result.stdout.splitlines()[-1]) == expected


@pytest.mark.parametrize("address", ["127.0.0.1:9", "ray://127.0.0.1:9", "127.0.0.1:99999"])
def test_ray_out_of_reach(address: str):
    """Said at once; Ray itself would try for minutes."""
    pytest.importorskip("ray", reason="Ray is not installed: pip install 'pskd_tf[test]'")
    loader = NumberedLoader(1)
    message = r"^The Ray cluster must be reachable\. Received: (ray://)?127\.0\.0\.1:"
    with pytest.raises(UserError, match=message):
        next(read_clips(loader, loader.discover().sources, "ray", ray_address=address))


def test_without_ray(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    loader = NumberedLoader(1)
    message = r"needs Ray; install it with: pip install 'pskd_tf\[ray\]'"
    with pytest.raises(UserError, match=message):
        next(read_clips(loader, loader.discover().sources, "ray", workers=1))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"runner": "dask"}, "The runner must be one of processes, ray, here. Received: dask"),
        ({"workers": -1}, "workers must be at least 0. Received: -1"),
        ({"ray_address": "auto"}, "ray_address goes with the runner ray. Received: processes"),
    ],
)
def test_bad_arguments(arguments: dict, message: str):
    loader = NumberedLoader(1)
    with pytest.raises(UserError) as error:
        read_clips(loader, loader.discover().sources, **arguments)
    assert str(error.value) == message
