"""Own recordings and their loader."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from custom_files import CustomFiles
from data_prep.clip import Clip
from data_prep.loaders.custom.loader import CustomLoader


@dataclass
class Recordings(CustomFiles):
    """Four clips, subjects s1 and s2 by actions wave and clap, and their manifest's rows."""

    def set_all(self, **cells: object) -> None:
        """Sets cells of every row; None removes the column."""
        for row in self.rows:
            for column, value in cells.items():
                row[column] = value
                if value is None:
                    del row[column]

    def loader(self, **options: object) -> CustomLoader:
        """Writes the manifest and returns its loader."""
        layout = {"skeleton_layout": self.folder / "layout.json"}
        return CustomLoader(self.write_manifest(), **{**layout, **options})

    def clips(self, **options: object) -> list[Clip]:
        """Reads all clips."""
        loader = self.loader(**options)
        return [loader.read(source) for source in loader.discover().sources]


@pytest.fixture
def recordings(tmp_path: Path) -> Recordings:
    """Fresh recordings that break no rule."""
    made = Recordings(tmp_path / "own")
    for seed, (subject, action) in enumerate(
        [("s1", "wave"), ("s1", "clap"), ("s2", "wave"), ("s2", "clap")], start=1
    ):
        made.add(f"{subject}_{action}", subject, action, seed)
    made.write_layout()
    return made
