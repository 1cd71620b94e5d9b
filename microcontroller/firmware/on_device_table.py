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
    "src_plain_kernels.o": "plain",
    "model_plain_model.o": "plain",
    "src_accelerometer_features.o": "features",
}


def section_sizes(linker_map: str) -> dict[tuple[str, str], int]:
    """Sums a linker's map.

    Args:
        linker_map: The map's text.

    Returns:
        Bytes by (part, section): parts `plain`, `features` and `library`; the driver is left out.
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


def on_device_table(build: Path, manifest: dict) -> str:
    """Writes the measured part of the page.

    Args:
        build: The folder that `make firmware-qemu` filled.
        manifest: The export's manifest.

    Returns:
        Markdown, without a last line break.
    """
    rows, reports = [], {}
    for core, name in _CORES.items():
        for kernel in ("portable", "dsp"):
            text = (build / f"{core}-{kernel}.txt").read_text(encoding="ascii")
            report = {key: int(value) for key, value in map(str.split, text.splitlines())}
            reports[core, kernel] = report
            linker_map = (build / f"{core}-{kernel}" / "firmware.map").read_text(encoding="utf-8")
            sizes = section_sizes(linker_map)
            window = report["model_instructions"] + report["features_instructions"]
            stack = max(report["model_stack_bytes"], report["features_stack_bytes"])
            cells = (
                f"{report['model_instructions']:,}",
                f"{window:,}",
                f"{sizes['plain', '.text']:,}",
                f"{sizes['features', '.text']:,}",
                f"{sizes['library', '.text'] + sizes['library', '.rodata']:,}",
                f"{sizes['plain', '.rodata']:,}",
                f"{sizes['plain', '.bss'] + sizes['plain', '.data']:,}",
                f"{stack:,}",
                f"{report['differing_input_bytes'] + report['differing_output_bytes']:,}",
            )
            rows.append(f"| {name} | {kernel} | {' | '.join(cells)} |")
    some = reports["m4", "dsp"]
    provenance = manifest["provenance"]
    joined = "\n".join(rows)
    return f"""\
The model: the student of a run on `{provenance["dataset"]}`\
{" (generated data)" if provenance["is_synthetic"] else ""}, {len(manifest["class_names"])} classes,
{some["macs"]:,} multiply-accumulates, {manifest["flatbuffer_bytes"]:,} bytes as a flatbuffer. \
{some["clips"]} test clips on each core.

| core | kernels | instructions an inference | and features | code: model | features | library \
| weights, tables | buffer | stack | differing bytes |
| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |
{joined}"""


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
