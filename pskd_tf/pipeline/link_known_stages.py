"""The reuse of results that another run made under other names."""

from collections.abc import Iterable
from pathlib import Path

from pskd_tf.pipeline.stage import Stage


def link_known_stages(stages: Iterable[Stage], stages_dir: Path, sources: Iterable[Path]) -> int:
    """Links results of other folders of stages, found by their keys, whatever they are called.

    Args:
        stages: The stages whose results are wanted.
        stages_dir: Where they are looked for.
        sources: Folders of stages to take from; nothing is written there.

    Returns:
        How many links were made.
    """
    known: dict[str, Path] = {}
    for source in sources:
        for result in sorted(Path(source).glob("*/result.json")):
            known[result.parent.name[-12:]] = result.parent
    made = 0
    stages_dir.mkdir(parents=True, exist_ok=True)
    for stage in stages:
        folder = stage.folder(stages_dir)
        found = known.get(stage.key[:12])
        if found is not None and not folder.exists():
            folder.symlink_to(found.resolve(), target_is_directory=True)
            made += 1
    return made
