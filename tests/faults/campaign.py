"""Kills, signals, full disks and damaged files: each command must end in a line, and heal.

python tests/faults/campaign.py
python tests/faults/campaign.py --parts=kills,damage --commands=train,compress --out=build/faults

Every part disturbs short runs of generated data and then gives the same command again, which must
end with status 0 and leave the bytes of an undisturbed run. What does not is a finding. Full disks
need the right to mount a file system of a few megabytes. Exit status: 0 without findings, 1 with
some. It takes an hour and more on two cores.
"""

import json
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from damage import FILE_DAMAGE
from data_prep.commands import CommandArguments, print_result, run_command
from data_prep.errors import UserError
from data_prep.settings import setting
from disturbed import COMMANDS, Command, Ending, Started, partial_files
from pskd_tf.run import Run
from pskd_tf.verify import verify_run

PARTS = ("kills", "signals", "full", "damage")
DAMAGE = ("flipped", "cut", "empty", "folder", "removed")
KILLS = {
    "export": 5,
    "report": 5,
    "prepare": 8,
    "train": 12,
    "compress": 8,
    "benchmark": 10,
    "train with 2 workers": 12,
}
INTERRUPTED = "interrupted; the same command resumes"
STATUS = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}


@dataclass(frozen=True)
class CampaignArguments(CommandArguments):
    """What to try."""

    parts: tuple[str, ...] = setting(PARTS, "Parts.", choices=PARTS)
    commands: tuple[str, ...] = setting(
        tuple(COMMANDS),
        "Commands to kill, to signal and to give a full disk.",
        choices=tuple(COMMANDS),
    )
    damage: tuple[str, ...] = setting(DAMAGE, "Kinds of damage.", choices=DAMAGE)
    seed: int = setting(1, "Draws the moments.")
    out: Path = setting(Path("build/faults"), "Folder; undisturbed runs there are used again.")


@dataclass
class Campaign:
    """The undisturbed runs, and what was found.

    Attributes:
        out: Folder of all runs.
        commands: Names of those to disturb.
        kinds: Kinds of damage.
        random: Draws the moments.
        findings: What was not as it must be.
    """

    out: Path
    commands: tuple[str, ...]
    kinds: tuple[str, ...]
    random: random.Random
    findings: list[str] = field(default_factory=list)

    def reference(self, command: Command) -> tuple[float, dict[str, str]]:
        """Returns the seconds and the hashes of an undisturbed command."""
        folder = self.folder(command, "reference")
        kept = folder.with_name("reference.json")
        if kept.exists():
            seconds, hashes = json.loads(kept.read_text())
            return float(seconds), dict(hashes)
        self.new_folder(command, "reference")
        started = time.monotonic()
        ending = Started(command, folder).wait()
        if ending.status != 0:
            raise UserError(f"{command.name} must end undisturbed", ending.errors[-500:])
        found = time.monotonic() - started, command.hashes(folder)
        kept.write_text(json.dumps(found))
        return found

    def folder(self, command: Command, name: str) -> Path:
        """Returns where a run of a command lies."""
        return self.out / command.name.replace(" ", "_") / name

    def new_folder(self, command: Command, name: str) -> Path:
        """Returns a folder as it is before a command."""
        folder = self.folder(command, name)
        shutil.rmtree(folder, ignore_errors=True)
        command.fill(folder, self.out / "train" / "reference" / "run")
        return folder

    def finish(self, command: Command, folder: Path, counts: Counter[str], what: str) -> None:
        """Gives the command again and counts whether it ends and leaves the reference's bytes."""
        # A project may hold the user's own changes: a whole one is there, and is not made again.
        is_made = command.result and (folder / command.result).exists()
        ending = Ending(0, "", "") if is_made else Started(command, folder).wait()
        counts["again"] += 1
        self.check(
            ending.status == 0 and not ending.is_traceback,
            counts,
            "healed",
            f"{what}: then {ending.status}, {ending.errors[-300:]!r}",
        )
        if ending.status == 0:
            kept, now = self.reference(command)[1], command.hashes(folder)
            differ = [name for name in sorted({*kept, *now}) if kept.get(name) != now.get(name)]
            self.check(not differ, counts, "equal", f"{what}: other bytes in {differ[:4]}")
        left = partial_files(folder)
        self.check(not left, counts, "clean", f"{what}: left {left[:2]}")

    def check(self, holds: bool, counts: Counter[str], what: str, finding: str) -> None:
        """Counts what holds; what does not is a finding."""
        counts[what] += holds
        if not holds:
            self.findings.append(finding)
            print(f"finding: {finding}", file=sys.stderr, flush=True)

    def row(self, case: str, counts: Counter[str]) -> None:
        """Prints a line of the table."""
        shown = (counts[name] for name in ("tried", "line", "again", "healed", "equal"))
        print(f"| {case} | {' | '.join(map(str, shown))} |", flush=True)


def main(arguments: CampaignArguments) -> None:
    """Runs the parts and prints a table of them."""
    if arguments.dry_run:
        print(f"would try {', '.join(arguments.parts)} in {arguments.out}")
        return
    draws = random.Random(arguments.seed)
    out = arguments.out.resolve()
    campaign = Campaign(out, arguments.commands, arguments.damage, draws)
    print("| Case | Tried | Told in a line | Given again | Healed | Equal bytes |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    campaign.reference(COMMANDS["train"])
    for part in arguments.parts:
        _PARTS[part](campaign)
    print(f"{len(campaign.findings)} findings")
    print_result(arguments.out, "make", "faults")
    if campaign.findings:
        sys.exit(1)


_LONGEST_CHAIN = 6


def kills(campaign: Campaign) -> None:
    """SIGKILL to the whole group at random moments, up to six in a row."""
    for name, wanted in KILLS.items():
        if name not in campaign.commands:
            continue
        command, counts = COMMANDS[name], Counter[str]()
        seconds, _ = campaign.reference(command)
        while counts["tried"] < wanted:
            folder, chain = campaign.new_folder(command, f"kills{counts['tried']}"), 0
            while chain < min(_LONGEST_CHAIN, wanted - counts["tried"]):
                started = Started(command, folder)
                # A command with less left to do than the whole may end before its kill.
                time.sleep(campaign.random.uniform(0.2, 0.9) * seconds)
                started.signal(signal.SIGKILL, to_all=True)
                ending = started.wait()
                is_killed = ending.status == -signal.SIGKILL
                good = not ending.is_traceback and (is_killed or ending.status == 0)
                what = f"{name}, kill {chain + 1}: {ending.status}, {ending.errors[-300:]!r}"
                campaign.check(good, counts, "line" if is_killed else "ended", what)
                if not is_killed:
                    break
                chain += 1
            counts["tried"] += chain
            campaign.finish(command, folder, counts, f"{name} after {chain} kills")
            shutil.rmtree(folder)
        campaign.row(f"killed: {name}", counts)


def signals(campaign: Campaign) -> None:
    """INT, TERM and HUP while a command imports, in workers and in the conversion to int8."""
    moments: list[tuple[str, str, Callable[[Started, Path], bool], int]] = [
        ("while it imports", "train", lambda started, folder: True, 6),
        ("in its workers", "train with 2 workers", lambda _, folder: bool(_stages(folder)), 6),
        ("in the conversion", "train", lambda started, folder: _converts(started), 6),
        ("in its workers", "prepare", lambda started, folder: bool(partial_files(folder)), 2),
    ]
    for moment, name, is_there, wanted in moments:
        if name not in campaign.commands:
            continue
        command, counts = COMMANDS[name], Counter[str]()
        folder = campaign.new_folder(command, f"signals_{moment.split()[-1]}")
        for number in range(wanted):
            sent, to_all = list(STATUS)[number % 3], number >= 3
            what = f"{name} {moment}, {sent.name}{' to all' if to_all else ''}"
            started = Started(command, folder)
            time.sleep(campaign.random.uniform(1.0, 2.5))
            while started.process.poll() is None and not is_there(started, folder):
                time.sleep(0.05)
            time.sleep(campaign.random.uniform(0, 0.3))
            started.signal(sent, to_all)
            ending = started.wait()
            counts["tried"] += 1
            good = (ending.status, ending.last_line) == (STATUS[sent], INTERRUPTED)
            good &= not ending.is_traceback
            campaign.check(good, counts, "line", f"{what}: {ending.status}, {ending.errors!r}")
            deadline = time.monotonic() + 30  # multiprocessing's tracker ends a moment later
            while started.processes() and time.monotonic() < deadline:
                time.sleep(0.1)
            left = started.processes() + partial_files(folder)
            campaign.check(not left, counts, "clean", f"{what}: left {left}")
        campaign.finish(command, folder, counts, f"{name} {moment}")
        shutil.rmtree(folder)
        campaign.row(f"INT, TERM, HUP: {name} {moment}", counts)


def _stages(folder: Path) -> list[Path]:
    return list(folder.glob("run/stages/*.partial")) + list(folder.glob("run/stages/*.record.npz"))


def _converts(started: Started) -> bool:
    return any("conversion_worker" in line for line in started.processes())


def full(campaign: Campaign) -> None:
    """A file system that fills in the middle of a command; room is made step by step."""
    for name, wanted in {"train": 8, "compress": 2, "export": 1, "prepare": 1}.items():
        if name not in campaign.commands:
            continue
        command, counts = COMMANDS[name], Counter[str]()
        campaign.reference(command)
        run_dir = campaign.out / "train" / "reference" / "run"
        given = _bytes(run_dir) if command.needs else 0
        used = _bytes(campaign.out / name / "reference") - given
        disk = campaign.out / "disk"
        disk.mkdir(exist_ok=True)
        mount = ["mount", "-t", "tmpfs", "-o", "size=512m", "tmpfs", str(disk)]
        mounted = subprocess.run(mount, capture_output=True, text=True)
        if mounted.returncode:
            print(f"| disk full: {name} | not tried: {mounted.stderr.strip()} | | | |")
            return
        try:
            command.fill(disk, run_dir)
            for number in range(wanted):
                size = given + int(used * (number + 0.5) / wanted)
                _resize(disk, size)
                ending = Started(command, disk).wait()
                counts["tried"] += 1
                good = ending.status == 2 and ending.last_line.startswith("error: ")
                good &= not ending.is_traceback
                what = f"{name} on a disk of {size} bytes: {ending.status}, {ending.errors!r}"
                campaign.check(good, counts, "line", what)
            _resize(disk, 512 * 2**20)
            campaign.finish(command, disk, counts, f"{name} after full disks")
        finally:
            subprocess.run(["umount", "-l", str(disk)], check=True)
        campaign.row(f"disk full: {name}", counts)


def _bytes(folder: Path) -> int:
    # A file system gives whole pages.
    return sum(-(-path.stat().st_size // 4096) * 4096 for path in folder.rglob("*"))


def _resize(disk: Path, size: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(disk)], check=True)


# Every kind of file of a run; those of stages once for each kind of stage.
_KINDS = (
    *("run.json", "settings.json", "metrics.json", "splits_cross_subject.json", "log.txt"),
    *("report.html", "model_card.md", "export/*", "prepared/*"),
    *(f"stages/{name}/*" for name in ("baseline*", "in_sample*", "compressed*", "score-int8*")),
)
# Nothing reads them again, and they carry no figures that a command uses.
_FREE = ("log.txt", "report.html", "model_card.md")
# What holds the hashes of others. Files that older versions did not have may be absent.
_KEEPERS = ("run.json", "files.json", "manifest.json", "dataset.json")
_MAY_BE_ABSENT = ("run.json", "files.json")


def damage(campaign: Campaign) -> None:
    """Each kind of file damaged alone is told by verify; then all of a round are healed at once."""
    command = COMMANDS["train"]
    campaign.reference(command)
    whole = campaign.out / "train" / "reference"
    folder = campaign.new_folder(command, "damage")
    for name in campaign.kinds:
        counts: Counter[str] = Counter()
        for keeps in (False, True):
            shutil.rmtree(folder)
            shutil.copytree(whole, folder)
            kinds = {path for one in _KINDS for path in (folder / "run").glob(one)}
            chosen = [path for path in sorted(kinds) if (path.name in _KEEPERS) == keeps]
            for path in chosen:
                content = path.read_bytes()
                FILE_DAMAGE[name](path)
                counts["tried"] += 1
                may_lack = name == "removed" and path.name in _MAY_BE_ABSENT
                is_told = str(path) in verify_run(Run.load(folder / "run")).damaged
                holds = is_told or path.name in _FREE or may_lack
                campaign.check(holds, counts, "line", f"{name} {path}: not told by verify")
                if name == "folder":
                    path.rmdir()
                path.write_bytes(content)
            for path in chosen:
                FILE_DAMAGE[name](path)
            if keeps:  # as verify says
                _remove(folder / "run" / "run.json")
                shutil.rmtree(folder / "run" / "prepared")
            if (folder / "run" / "log.txt").is_dir():  # as its error says
                _remove(folder / "run" / "log.txt")
            campaign.finish(command, folder, counts, f"{name}, {'keepers' if keeps else 'others'}")
        campaign.row(f"{name}: each kind of file of a run", counts)


def _remove(path: Path) -> None:
    if path.is_dir():
        path.rmdir()
    path.unlink(missing_ok=True)


_PARTS: dict[str, Callable[[Campaign], None]] = {
    "kills": kills,
    "signals": signals,
    "full": full,
    "damage": damage,
}


if __name__ == "__main__":
    run_command(main, CampaignArguments)
