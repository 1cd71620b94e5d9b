"""Gives every reader of the project many changed files, and prints a table of what came of it.

python tests/fuzz/campaign.py --inputs=10000
python tests/fuzz/campaign.py --inputs=1000 --readers=manifests,BVH --out=build/fuzz

An input is read or refused in one line; anything else is a finding: another exception, an error of
several lines, an input that takes more than 5 s, a process that dies or takes more than 4 GB. The
first input of each finding is kept below --out. Exit status: 0 without findings, 1 with.
"""

import json
import multiprocessing
import shutil
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data_prep.commands import CommandArguments, print_result, run_command
from data_prep.errors import UserError
from data_prep.settings import setting
from fuzzing import DRIVER, all_readers, fuzz
from recording_readers import Reader


@dataclass(frozen=True)
class CampaignArguments(CommandArguments):
    """Which readers, and how many files."""

    inputs: int = setting(10_000, "Files for each reader, at most.", minimum=1)
    seconds: float = setting(60.0, "Processor time for each reader, at most.", unit="s", above=0)
    readers: tuple[str, ...] = setting((), "Names of the readers; all if none is named.")
    seed: int = setting(1, "Draws the files.")
    out: Path = setting(Path("build/fuzz"), "Folder of the findings; an older one is replaced.")


def main(arguments: CampaignArguments) -> None:
    """Tries the readers and ends with status 1 if there are findings."""
    with tempfile.TemporaryDirectory() as temporary:
        readers = all_readers(Path(temporary))
        names = [one.name for one in readers]
        unknown = sorted(set(arguments.readers) - set(names))
        if unknown:
            raise UserError(f"A reader is one of {', '.join(names)}", ", ".join(unknown))
        wanted = [one for one in readers if one.name in (arguments.readers or names)]
        if arguments.dry_run:
            print(f"would try {', '.join(one.name for one in wanted)} with {DRIVER}")
            return
        shutil.rmtree(arguments.out, ignore_errors=True)
        num_findings = _try_all(wanted, arguments)
    print_result(arguments.out, "make", "fuzz")
    if num_findings:
        sys.exit(1)


def _try_all(readers: Sequence[Reader], arguments: CampaignArguments) -> int:
    """Prints a line a reader; returns the number of findings."""
    print("| Reader | Inputs | Read | Refused | Findings | Slowest (s) | Memory (MB) |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |", flush=True)
    num_inputs = num_findings = 0
    for number, reader in enumerate(readers):
        folder = arguments.out.resolve() / f"{number:02d}"
        report = _tried(reader, arguments, folder)
        counts, findings = report["outcomes"], report["findings"]
        tried = sum(counts.values())
        cells = [f"{one:,}" for one in (tried, counts.get("read", 0), counts.get("refused", 0))]
        cells += [len(findings), report["slowest_seconds"], report["peak_megabytes"]]
        print(f"| {reader.name} | {' | '.join(map(str, cells))} |", flush=True)
        for one, count in findings.items():
            line = f"finding: {reader.name}: {one} ({count} times; the first below {folder})"
            print(line, file=sys.stderr, flush=True)
        num_inputs, num_findings = num_inputs + tried, num_findings + len(findings)
    print(f"{num_inputs:,} inputs by {DRIVER}, {num_findings} findings")
    return num_findings


def _tried(reader: Reader, arguments: CampaignArguments, folder: Path) -> dict[str, Any]:
    folder.mkdir(parents=True)
    words = (reader, arguments.inputs, arguments.seconds, arguments.seed, folder)
    # Forked, so that the imports are done once.
    process = multiprocessing.get_context("fork").Process(target=fuzz, args=words)
    process.start()
    process.join()
    report = folder / "report.json"
    if process.exitcode == 0 and report.exists():
        shutil.rmtree(folder / "corpus", ignore_errors=True)
        return dict(json.loads(report.read_text()))
    ending = f"the process ended with {process.exitcode}; see screen.txt"
    return {"outcomes": {}, "findings": {ending: 1}, "slowest_seconds": 0, "peak_megabytes": 0}


if __name__ == "__main__":
    run_command(main, CampaignArguments)
