"""Checks every hash that is kept of a run's files.

python -m pskd_tf.verify --run_dir=RUN
python -m pskd_tf.verify --run_dir=RUN --stages_dir=DIR --prepared_dir=DIR

Read are the run's figures, its exports, every stage in the folder of the stages, and the prepared
set. What is damaged is listed with the command that makes it again.

Exit status: 0 if every file is as it was written, 1 if one is not, 2 for a mistake that the user
can mend (one line says which), 130 if interrupted.
"""

import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from data_prep.commands import print_result, run_command
from data_prep.errors import UserError
from pskd_tf.arguments import StagesArguments
from pskd_tf.exported import Export
from pskd_tf.run import Run
from pskd_tf.run_records import check_run_format, damaged_files, stage_damage
from pskd_tf.stage_record import StageRecord

_UNCHANGED = "A file must be as it was written"


@dataclass
class Findings:
    """What was found.

    Attributes:
        damaged: The error of each damaged file, by its path, with the command that heals.
        checked: Number of hashes that were compared; a stage's are one.
        absent: Parts of the run that are not at hand.
    """

    damaged: dict[str | None, tuple[UserError, str]] = field(default_factory=dict)
    checked: int = 0
    absent: list[str] = field(default_factory=list)

    def add(self, count: int, errors: Iterable[UserError], heals: str) -> None:
        """Adds what was checked, with the errors of the damaged files."""
        self.checked += count
        for error in errors:
            self.damaged.setdefault(error.path, (error, heals))


def main(arguments: StagesArguments) -> None:
    """Checks the files and lists the damaged ones."""
    run = Run.load(arguments.run_dir, arguments.stages_dir, arguments.prepared_dir)
    if arguments.dry_run:
        print(f"would read: {run.run_dir}, {run.stages_dir}, {run.prepared_dir}")
        return
    found = verify_run(run)
    for error, heals in found.damaged.values():
        print(f"damaged: {error}\n  heals: {heals}")
    for name in found.absent:
        print(f"not at hand: {name}")
    print(f"{found.checked} files and stages checked, {len(found.damaged)} damaged")
    print_result(run.run_dir, "python", "-m", "pskd_tf.evaluate", f"--run_dir={run.run_dir}")
    if found.damaged:
        sys.exit(1)


def verify_run(run: Run) -> Findings:
    """Checks every hash that is kept of a run, and that its figures can be read.

    Args:
        run: The run.

    Returns:
        The damaged files and the number of hashes that were compared.

    Raises:
        UserError: The folder is none of a run, or its files are of another version.
    """
    run_dir, found = run.run_dir, Findings()
    if not any((run_dir / name).exists() for name in ("run.json", "metrics.json")):
        raise UserError("A run's folder holds run.json or metrics.json", "neither", run_dir)
    check_run_format(run_dir)
    train = _train_command(run_dir)
    compress = f"python -m pskd_tf.compress --run_dir={run_dir}, with its limits"
    choose = f"python -m pskd_tf.simulate --run_dir={run_dir} --choose_threshold"
    heals = {"compression.json": compress, "compressed/export/manifest.json": compress}
    heals["recognizer.json"] = choose
    record_error = _errors(lambda: run.record)
    found.add(1, record_error, f"rm -r {run_dir / 'run.json'}; {train}")
    record = None if record_error else run.record
    # A damaged list names a file that is not there.
    unchanged = f"{_UNCHANGED}, as {run_dir / 'run.json'} lists it"
    for name, sha256 in {} if record is None else record.files.items():
        if name not in heals or (run_dir / name).exists():
            damage = damaged_files(run_dir, {name: sha256}, unchanged)
            found.add(1, damage, heals.get(name, train))
    if not record_error:
        found.add(0, _errors(lambda: run.metrics), train)
        found.add(0, _errors(lambda: run.settings), train)
        found.add(0, _errors(lambda: run.export), train)
        found.add(0, _errors(lambda: run.compression), compress)
    _verify_export(run_dir / "export", train, found)
    if (run_dir / "compressed" / "export").exists():
        _verify_export(run_dir / "compressed" / "export", compress, found)
    _verify_stages(run, train, found)
    _verify_prepared(run, train, found)
    return found


def _errors(read: Callable[[], Any]) -> list[UserError]:
    try:
        read()
    except UserError as error:
        return [error]
    return []


def _train_command(run_dir: Path) -> str:
    """Returns the command that made the run, from its log, where it can be read."""
    try:
        log = (run_dir / "log.txt").read_text(encoding="utf-8")
    except (OSError, ValueError):
        log = ""
    commands = re.findall(r"^command: (python -m pskd_tf\.train .*)$", log, re.MULTILINE)
    return str(commands[-1]) if commands else "the same command of pskd_tf.train"


def _verify_export(folder: Path, heals: str, found: Findings) -> None:
    errors = _errors(lambda: Export.read(folder))
    found.add(0, errors, heals)
    if not errors:
        files = Export.read(folder).manifest.files
        found.add(len(files), damaged_files(folder, files, _UNCHANGED), heals)


def _verify_stages(run: Run, heals: str, found: Findings) -> None:
    if not run.stages_dir.is_dir():
        found.absent.append(f"stages (--stages_dir): {run.stages_dir}")
        return
    named = [] if _errors(lambda: run.metrics) else list(run.metrics["wall_seconds"])
    kept = [path.name for path in run.stages_dir.iterdir() if _is_stage(path)]
    for name in sorted({*named, *kept}):
        folder = run.stages_dir / name
        errors = stage_damage(folder)
        found.add(1, errors or _errors(lambda: StageRecord.load(folder)), heals)  # noqa: B023


def _is_stage(path: Path) -> bool:
    return re.search(r"-[0-9a-f]{12}$", path.name) is not None


def _verify_prepared(run: Run, heals: str, found: Findings) -> None:
    folder = run.prepared_dir
    if not folder.exists():
        found.absent.append(f"prepared set (--prepared_dir): {folder}")
        return
    again = f"rm -r {folder}; {heals}"
    errors = _errors(lambda: run.prepared)
    found.add(1, errors, again)
    if errors:
        return
    hashes = run.prepared.description.array_sha256
    found.add(len(hashes), damaged_files(folder, hashes, _UNCHANGED), heals)
    if _errors(lambda: run.export):
        return
    if run.export.dataset_fingerprint not in ("", run.prepared.fingerprint):
        error = UserError("The prepared set must be the run's", "other data", folder)
        found.add(0, [error], again)


if __name__ == "__main__":
    run_command(main, StagesArguments)
