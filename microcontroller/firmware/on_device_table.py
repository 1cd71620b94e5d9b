"""Puts what `make firmware-qemu` measured into docs/on_device.md.

python microcontroller/firmware/on_device_table.py --build=DIR --manifest=FILE --page=FILE
"""

import argparse
import json
import re
from collections import defaultdict
from pathlib import Path

_START, _END = "<!-- measured: make firmware-table -->", "<!-- end of what was measured -->"
_CORES = {"m4": "Cortex-M4F", "m33": "Cortex-M33", "m55": "Cortex-M55"}
# A section of one object in the linker's map; long names stand on a line of their own.
_SECTION = re.compile(r"^ (\.\w+)\S*\s+0x[0-9a-f]+\s+0x([0-9a-f]+) (\S+)$", re.MULTILINE)
_OURS = {
    "plain_kernels.o": "plain",
    "plain_model.o": "plain",
    "accelerometer_features.o": "features",
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
    boards = [(core, kernel) for core in _CORES for kernel in ("portable", "dsp")]
    models = "\n".join(_model_row(build, *board) for board in boards)
    modes = ("window", "clip")
    whole = "\n".join(_whole_row(build, mode, *board) for mode in modes for board in boards)
    some = read_report(build / "m4-dsp.txt")
    golden = read_report(build / "m4-dsp-golden.txt")["golden_vectors"]
    provenance = manifest["provenance"]
    lines = {mode: len((build / f"stream-{mode}.txt").read_text().splitlines()) for mode in modes}
    own = provenance["settings"]["inputs"]["mode"]
    samples = read_report(build / "m4-dsp-stream-clip.txt")["samples"]
    return f"""\
The model: the student of a run on `{provenance["dataset"]}`\
{" (generated data)" if provenance["is_synthetic"] else ""}, {len(manifest["class_names"])} classes,
**{some["macs"]:,} multiply-accumulates**, {manifest["flatbuffer_bytes"]:,} bytes as a flatbuffer. \
{some["clips"]} test clips and
the {golden} vectors of `golden_vectors.h` on each core.

| core | kernels | instructions an inference | and features | code: model | features | library \
| weights, tables | buffer | stack | its bound | differing bytes |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
{models}

The whole recognizer, streamed {samples:,} samples \
in either mode (the model's own is `{own}`); in
window mode each core printed the same {lines["window"]} lines as this machine, in clip mode the \
same {lines["clip"]}.

| core | kernels | mode | instructions a decision | a sample without one | code | weights, tables \
| state | buffer | stack | its bound | RAM in all |
| --- | --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
{whole}"""


def _model_row(build: Path, core: str, kernel: str) -> str:
    report = read_report(build / f"{core}-{kernel}.txt")
    golden = read_report(build / f"{core}-{kernel}-golden.txt")
    sizes = section_sizes((build / f"{core}-{kernel}" / "firmware.map").read_text(encoding="utf-8"))
    names = ("differing_input_bytes", "differing_output_bytes")
    cells = (
        report["model_instructions"],
        report["model_instructions"] + report["features_instructions"],
        sizes["plain", ".text"],
        sizes["features", ".text"],
        sizes["library", ".text"] + sizes["library", ".rodata"],
        sizes["plain", ".rodata"],
        sizes["plain", ".bss"] + sizes["plain", ".data"],
        max(report["model_stack_bytes"], report["features_stack_bytes"]),
        max(report[f"pskd_{name}_stack_bound"] for name in ("plain_invoke", "prepare_clip")),
        sum(one[name] for one in (report, golden) for name in names),
    )
    return f"| {_CORES[core]} | {kernel} | {' | '.join(f'{cell:,}' for cell in cells)} |"


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
