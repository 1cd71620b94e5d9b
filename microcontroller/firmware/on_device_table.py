"""Puts what `make firmware-qemu` measured into docs/on_device.md.

python microcontroller/firmware/on_device_table.py --build=DIR --manifest=FILE --page=FILE
"""

import argparse
import json
import re
from collections import defaultdict
from pathlib import Path

_START, _END = "<!-- measured: make firmware-table -->", "<!-- end of what was measured -->"
_CORES = {
    "m0": "Cortex-M0+",
    "m3": "Cortex-M3",
    "m4": "Cortex-M4F",
    "m7": "Cortex-M7",
    "m33": "Cortex-M33",
    "m55": "Cortex-M55",
    "rv32imac": "RISC-V rv32imac",
    "rv32imafc": "RISC-V rv32imafc",
}
# The lists of boards in firmware.mk.
_WHOLE = tuple((core, kernel) for core in ("m4", "m33", "m55") for kernel in ("portable", "dsp"))
_WHOLE += (("m55", "helium"), ("rv32imac", "portable"), ("rv32imafc", "portable"))
_SMALLER = (("m0", "portable"), ("m3", "portable"), ("m7", "dsp"))
_FIXED = (("m0", "portable"), ("m3", "portable"), ("m4", "dsp"), ("rv32imac", "portable"))
_WIDE = (("m4", "dsp"), ("m7", "dsp"), ("m33", "dsp"))
# A section of one object in the linker's map; long names stand on a line of their own.
_SECTION = re.compile(r"^ (\.\w+)\S*\s+0x[0-9a-f]+\s+0x([0-9a-f]+) (\S+)$", re.MULTILINE)
_SMALL_DATA = {".srodata": ".rodata", ".sdata": ".data", ".sbss": ".bss"}
_OURS = {
    "plain_kernels.o": "plain",
    "plain_kernels_dsp.o": "plain",
    "plain_kernels_helium.o": "plain",
    "plain_model.o": "plain",
    "accelerometer_features.o": "features",
    "accelerometer_features_fixed.o": "features",
    "activity_recognizer.o": "recognizer",
    "activity_filter.o": "recognizer",
    "segment_detector.o": "recognizer",
    "signal_check.o": "recognizer",
    "window_buffer.o": "recognizer",
}
_CODE = ("plain", "features", "recognizer", "library")


def section_sizes(linker_map: str) -> dict[tuple[str, str], int]:
    """Sums a linker's map.

    Args:
        linker_map: The map's text.

    Returns:
        Bytes by (part, section): parts `plain`, `features`, `recognizer` and `library`; the program
        that checks is left out.
    """
    sizes: dict[tuple[str, str], int] = defaultdict(int)
    for section, size, path in _SECTION.findall(
        linker_map.split("Linker script and memory map")[1]
    ):
        library = re.search(r"\.a\(", path) is not None
        part = "library" if library else _OURS.get(path.rsplit("/", 1)[-1])
        # RISC-V: small data lie apart.
        section = _SMALL_DATA.get(section, section)
        if part and section in (".text", ".rodata", ".data", ".bss"):
            sizes[part, section] += int(size, 16)
    return sizes


def read_report(path: Path) -> dict[str, int]:
    """Reads the `name value` lines of a report; those of a stream are left out."""
    lines = map(str.split, path.read_text(encoding="ascii").splitlines())
    return {line[0]: int(line[1]) for line in lines if len(line) == 2 and line[0] != "lost"}


def on_device_table(build: Path, manifest: dict) -> str:
    """Writes the measured part of the page.

    Args:
        build: The folder that `make firmware-qemu` filled.
        manifest: The export's manifest.

    Returns:
        Markdown, without a last line break.
    """
    order = list(_CORES)
    boards = sorted((*_SMALLER, *_WHOLE), key=lambda board: order.index(board[0]))
    models = "\n".join(_model_row(build, *board, end) for board in boards for end in ("", "-small"))
    wide = "\n".join(_wide_row(build, *board) for board in _WIDE)
    fixed = "\n".join(_fixed_row(build, *board) for board in _FIXED)
    modes = ("window", "clip")
    whole = "\n".join(_whole_row(build, mode, *board) for mode in modes for board in _WHOLE)
    some = read_report(build / "m4-dsp.txt")
    golden = read_report(build / "m4-dsp-golden.txt")["golden_vectors"]
    provenance = manifest["provenance"]
    lines = {mode: len((build / f"stream-{mode}.txt").read_text().splitlines()) for mode in modes}
    own = provenance["settings"]["inputs"]["mode"]
    samples = read_report(build / "m4-dsp-stream-clip.txt")["samples"]
    random = read_report(build / "m4-dsp-random.txt")["vectors"]
    return f"""\
The model: the student of a run on `{provenance["dataset"]}`\
{" (generated data)" if provenance["is_synthetic"] else ""}, {len(manifest["class_names"])} classes,
**{some["macs"]:,} multiply-accumulates**, {manifest["flatbuffer_bytes"]:,} bytes as a flatbuffer. \
{some["clips"]} test clips on each core;
with `-O2` {random:,} random inputs, too, and on M4F, M33, M55 and RISC-V the {golden} vectors of
`golden_vectors.h`. A big-endian s390x runs all of it: {_big_endian(build):,} differing bytes.

| core | kernels | optimised | instructions: model | features | code: model | features | library \
| weights, tables | buffer | stack | its bound | differing bytes |
| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
{models}
| Cortex-M4F | TensorFlow Lite Micro, CMSIS-NN | `-O2` | 918,262 | | | | | | | 1,248 | | 0 |
| Cortex-M55 | TensorFlow Lite Micro, CMSIS-NN | `-O2` | 199,058 | | | | | | | | | 0 |

The last two rows are from the project's notes on a model of the same shape, not from this command.

Weights of the convolutions in int16 (`--weights=int16`), `-O2`, test clips and random inputs:

| core | kernels | instructions: model | weights, tables | differing bytes |
| --- | --- | ---: | ---: | ---: |
{wide}

Features in fixed point (`--features=fixed`), `-O2`; differing bytes are against Python's in the
same arithmetic and against TensorFlow Lite Micro's on that input:

| core | kernels | instructions: model | features | features in float | share of the model \
| code: features | differing bytes |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |
{fixed}

The whole recognizer, streamed {samples:,} samples \
in either mode (the model's own is `{own}`); in
window mode each core printed the same {lines["window"]} lines as this machine, in clip mode the \
same {lines["clip"]}.

| core | kernels | mode | instructions a decision | a sample without one | code | weights, tables \
| state | buffer | stack | its bound | RAM in all |
| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
{whole}"""


_DIFFERING = ("differing_input_bytes", "differing_output_bytes")


def _big_endian(build: Path) -> int:
    """Differing bytes of clips, random inputs and golden vectors."""
    lines = [(build / f"s390x{end}.txt").read_text() for end in ("", "-golden")]
    return sum(map(int, re.findall(r"^differing_\w+ (\d+)$", "".join(lines), re.MULTILINE)))


def _sizes(build: Path, name: str) -> dict[tuple[str, str], int]:
    return section_sizes((build / name / "firmware.map").read_text(encoding="utf-8"))


def _model_row(build: Path, core: str, kernel: str, end: str) -> str:
    """A row of one build: `-O2`, or with the end `-small` `-Os`."""
    name = f"{core}-{kernel}"
    report, sizes = read_report(build / f"{name}{end}.txt"), _sizes(build, f"{name}{end}")
    checks = [report]
    if not end:
        checks.append(read_report(build / f"{name}-random.txt"))
        if (core, kernel) in _WHOLE:
            checks.append(read_report(build / f"{name}-golden.txt"))
    cells = (
        report["model_instructions"],
        report["features_instructions"],
        sizes["plain", ".text"],
        sizes["features", ".text"],
        sizes["library", ".text"] + sizes["library", ".rodata"],
        sizes["plain", ".rodata"],
        sizes["plain", ".bss"] + sizes["plain", ".data"],
        max(report["model_stack_bytes"], report["features_stack_bytes"]),
        max(report[f"pskd_{name}_stack_bound"] for name in ("plain_invoke", "prepare_clip")),
        sum(one[name] for one in checks for name in _DIFFERING),
    )
    optimised = "`-Os`" if end else "`-O2`"
    joined = " | ".join(f"{cell:,}" for cell in cells)
    return f"| {_CORES[core]} | {kernel} | {optimised} | {joined} |"


def _wide_row(build: Path, core: str, kernel: str) -> str:
    name = f"{core}-{kernel}-wide"
    report, random = (read_report(build / f"{name}{end}.txt") for end in ("", "_random"))
    tables = _sizes(build, name)["plain", ".rodata"]
    differing = sum(one[part] for one in (report, random) for part in _DIFFERING)
    instructions = report["model_instructions"]
    return f"| {_CORES[core]} | {kernel} | {instructions:,} | {tables:,} | {differing:,} |"


def _fixed_row(build: Path, core: str, kernel: str) -> str:
    name = f"{core}-{kernel}"
    report, in_float = (read_report(build / f"{name}{end}.txt") for end in ("-fixed", ""))
    model, features = report["model_instructions"], report["features_instructions"]
    code = _sizes(build, f"{name}-fixed")["features", ".text"]
    differing = sum(report[one] for one in _DIFFERING)
    return (
        f"| {_CORES[core]} | {kernel} | {model:,} | {features:,} "
        f"| {in_float['features_instructions']:,} | {features / model:.1%} | {code:,} "
        f"| {differing:,} |"
    )


def _whole_row(build: Path, mode: str, core: str, kernel: str) -> str:
    name = f"{core}-{kernel}-stream-{mode}"
    report = read_report(build / f"{name}.txt")
    sizes = section_sizes((build / name / "firmware.map").read_text(encoding="utf-8"))
    state, buffer = report["recognizer_bytes"], report["model_buffer_bytes"]
    bound = report["pskd_activity_recognizer_add_stack_bound"]
    code = sum(sizes[part, ".text"] for part in _CODE)
    code += sum(sizes[part, ".rodata"] for part in _CODE if part != "plain")
    cells = (
        report["decision_instructions"],
        report["sample_instructions"],
        code,
        sizes["plain", ".rodata"],
        state,
        buffer,
        report["recognizer_stack_bytes"],
        bound,
        state + buffer + bound,
    )
    return f"| {_CORES[core]} | {kernel} | {mode} | {' | '.join(f'{cell:,}' for cell in cells)} |"


def main() -> None:
    """Replaces the part of the page between the two markers."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("build", "manifest", "page"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    arguments = parser.parse_args()
    manifest = json.loads(arguments.manifest.read_text(encoding="ascii"))
    page = arguments.page.read_text(encoding="utf-8")
    head, rest = page.split(_START)
    tail = rest.split(_END)[1]
    table = on_device_table(arguments.build, manifest)
    arguments.page.write_text(f"{head}{_START}\n{table}\n{_END}{tail}", encoding="utf-8")


if __name__ == "__main__":
    main()
