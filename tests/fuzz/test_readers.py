"""Changed files, a short run: each is read or refused in one line. `make fuzz` is the long one."""

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from mutation import mutated
from outcome import Tried
from recording_readers import recording_readers
from run_readers import run_readers


@pytest.mark.slow
def test_changed_files_are_read_or_refused_in_one_line(tmp_path):
    readers = [*recording_readers(tmp_path / "files"), *run_readers(tmp_path / "files")]
    assert len({one.name for one in readers}) == len(readers) > 50
    for reader in readers:
        tried = Tried(reader, tmp_path / "findings")
        for content in reader.seeds:
            tried.give(content)
        assert tried.outcomes == {"read": len(reader.seeds)}, (reader.name, tried.findings)

        _give_changed(tried)
        assert tried.outcomes["refused"] > 0 or reader.name in _NEVER_REFUSE, reader.name


# They leave out what they cannot read, or list it.
_NEVER_REFUSE = ("tables of plain numbers", "recordings of unknown form", "own accelerometers")
_NEVER_REFUSE += ("serial lines", "verify: run.json")


def _give_changed(tried: Tried) -> None:
    seeds = tried.reader.seeds

    @settings(max_examples=50, derandomize=True, database=None)
    @given(which=st.integers(0, len(seeds) - 1), seed=st.integers(0, 2**32 - 1))
    def give(which: int, seed: int) -> None:
        tried.give(mutated(seeds[which], np.random.default_rng(seed)))
        assert not tried.findings

    give()
