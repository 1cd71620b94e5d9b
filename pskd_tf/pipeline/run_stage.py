"""Doing one stage: skipped when its result is there, else made whole."""

import fcntl
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data_prep.whole_file import whole_folder
from pskd_tf.pipeline.compress_stage import compress_stage
from pskd_tf.pipeline.fit_stage import fit_stage
from pskd_tf.pipeline.forest_stage import forest_stage
from pskd_tf.pipeline.quantise_stage import quantise_stage
from pskd_tf.pipeline.run_context import RunContext
from pskd_tf.pipeline.score_stage import score_stage
from pskd_tf.pipeline.slim_stage import slim_stage
from pskd_tf.pipeline.stage import Stage
from pskd_tf.pipeline.teacher_outputs_stage import teacher_outputs_stage


def run_stage(stage: Stage, context: RunContext) -> None:
    """Makes a stage's result unless it exists; its inputs' results must exist.

    The folder appears whole or not at all. A lock keeps two processes, such as an orphan of a
    killed run, from making the same stage at once; it ends with its process.

    Args:
        stage: The stage.
        context: Where to read and report.
    """
    folder = context.folder(stage)
    with _lock(folder.with_name(f"{folder.name}.lock")):
        if (folder / "result.json").exists():
            context.log(f"found {folder.name}")
            return
        context.log(f"started {folder.name}")
        started = time.monotonic()
        action = {
            "fit": fit_stage,
            "forest": forest_stage,
            "teacher_outputs": teacher_outputs_stage,
            "compress": compress_stage,
            "slim": slim_stage,
            "quantise": quantise_stage,
            "score": score_stage,
        }[stage.kind]
        with whole_folder(folder) as temporary:
            result = action(stage, context, temporary)
            result["wall_seconds"] = round(time.monotonic() - started, 3)
            made_by = {
                "kind": stage.kind,
                "key": stage.key,
                "settings": stage.settings,
                "inputs": {role: one.key for role, one in stage.inputs.items()},
            }
            (temporary / "stage.json").write_text(json.dumps(made_by, indent=2), encoding="utf-8")
            (temporary / "result.json").write_text(json.dumps(result, indent=2), encoding="utf-8")
        context.record(stage).unlink(missing_ok=True)
        context.log(f"finished {folder.name} in {result['wall_seconds']} s")


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield
