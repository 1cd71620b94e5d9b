"""A project for a board: the C core, the model, the settings, and an ecosystem's build files.

`board_project` collects the files, fills in the templates and records the hashes of the export;
`write_board_project` writes the folder.
"""

import json
import re
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path, PurePosixPath

from data_prep.errors import UserError
from data_prep.files import whole_folder
from pskd_tf.device.firmware import firmware_sources
from pskd_tf.device.recognizer import RecognizerSettings
from pskd_tf.export.boards.axis_map import AxisMap
from pskd_tf.export.boards.symbols import DEFAULT_PREFIX, check_symbol_prefix, with_prefix
from pskd_tf.export.boards.targets import BoardTarget
from pskd_tf.export.c_literals import c_float
from pskd_tf.export.fixed_point import fixed_point_files
from pskd_tf.export.plain_c.slot import model_slot
from pskd_tf.export.plain_c.source import plain_model
from pskd_tf.exported import Export
from pskd_tf.run import Run

RUNTIMES = ("tflm", "plain_c")
# What the lines of a template depend on.
MARKS = (*RUNTIMES, "slot", "no_slot", "three_axes", "six_axes")
_SOURCE_SUFFIXES = (".c", ".h", ".cpp", ".ino")
# Of the manifest's SHA-256; enough to tell projects apart on a serial line.
_HASH_DIGITS = 12
_NAME = r"[A-Za-z][A-Za-z0-9_]*"
# Targets of CMake and CTest and of the templates, and names that Windows gives to devices.
_RESERVED = (
    *("all", "clean", "continuous", "depend", "edit_cache", "experimental", "help", "install"),
    *("list_install_components", "m", "nightly", "package", "package_source", "preinstall"),
    *("rebuild_cache", "stm32cubemx", "test", "all_build", "run_tests", "zero_check"),
    *("aux", "con", "nul", "prn"),
)


def board_project(
    run_dir: str | Path,
    target: BoardTarget,
    name: str,
    *,
    runtime: str,
    axes: AxisMap,
    settings: RecognizerSettings,
    features: str = "float",
    weights: str = "int8",
    in_slot: bool = False,
    symbol_prefix: str = DEFAULT_PREFIX,
) -> dict[str, bytes]:
    """Makes a project; the same arguments give the same bytes.

    Args:
        run_dir: A finished run of pskd_tf.train.
        target: The ecosystem.
        name: Name of the project and its folder.
        runtime: "tflm" or "plain_c".
        axes: Map from the sensor's axes to the wrist's.
        settings: Settings of the recognizer.
        features: Arithmetic of the features, one of `FEATURES`.
        weights: Type of the convolutions' weights in plain C, one of `WEIGHTS`.
        in_slot: Whether plain C takes its tables from a model slot, which is then a file of the
            project, `model_slot.bin`.
        symbol_prefix: Prefix of all symbols, one for each model of an image.

    Returns:
        Contents by path, relative to the project's folder. `pskd_project.json` records the export
        from which it was made.

    Raises:
        UserError: There is no export, it was changed or is of an older version, or build tools do
            not accept the name.
    """
    if not re.fullmatch(_NAME, name):
        rule = "A project's folder is named by letters, digits and _, a letter first"
        raise UserError(rule, repr(name))
    if name.lower() in _RESERVED:
        rule = "A project's folder must not have a name that build tools reserve; take another one"
        raise UserError(rule, repr(name))
    check_symbol_prefix(symbol_prefix)
    export = Run.load(run_dir).export
    if b"PSKD_EXPORTED_SETTINGS" not in export.file("model_settings.h").read_bytes():
        rule = "The export must be of this version: run its pskd_tf.train again, stages are kept"
        raise UserError(rule, "no PSKD_EXPORTED_SETTINGS in model_settings.h", export.folder)
    sources = project_sources(export, runtime, in_slot)
    settings_text = project_settings_header(export.sha256[:_HASH_DIGITS], settings)
    texts = fixed_point_files(export) if features == "fixed" else {}
    if runtime != "plain_c" and (weights == "int16" or in_slot):
        option = "model_slot" if in_slot else "weights=int16"
        raise UserError(f"{option} needs runtime=plain_c", runtime)
    if weights == "int16" or in_slot:
        texts |= plain_model(export.tflite, weights, in_slot)
    sources |= {file_name: text.encode("ascii") for file_name, text in texts.items()}
    sources["project_settings.h"] = settings_text.encode("ascii")
    files = {f"{target.source_folder}/{file_name}": body for file_name, body in sources.items()}
    if target.takes_flatbuffer:
        files["student_int8.tflite"] = export.tflite
    if in_slot:
        files["model_slot.bin"] = model_slot(export.tflite, export.manifest, weights)
    values = {
        "PROJECT": name,
        "AXES": ", ".join(map(str, axes.axes)),
        "SIGNS": ", ".join(map(str, axes.signs)),
        "AXES_TEXT": f"--axes={axes.text}",
        "SOURCES": _listed(files, target),
        "KERNELS": _listed(filter(_is_kernel, files), target),
        "SOURCE_FOLDER": target.source_folder,
        "EXPORT_HASH": export.sha256,
        "RUNTIME": runtime,
    }
    axes_mark = "six_axes" if export.manifest.inputs.has_gyroscope else "three_axes"
    kept = {runtime, "slot" if in_slot else "no_slot", axes_mark}
    templates = firmware_sources() / "boards"
    ending = (templates / "README_end.md").read_text(encoding="utf-8")
    for path in sorted((templates / target.name).rglob("*")):
        place = path.relative_to(templates / target.name).as_posix()
        # The simulated chip has no gyroscope.
        if path.is_file() and not (axes_mark == "six_axes" and place.startswith("simulated/")):
            text = path.read_text(encoding="utf-8") + (ending if place == "README.md" else "")
            # Arduino's sketch is named after its folder.
            place = place.replace("project.ino", f"{name}.ino")
            files[place] = fill_template(text, values, kept).encode("utf-8")
    for place, body in files.items():
        if place.endswith(_SOURCE_SUFFIXES):
            files[place] = with_prefix(body.decode("utf-8"), symbol_prefix).encode("utf-8")
    record = {
        "target": target.name,
        "runtime": runtime,
        "axes": axes.text,
        "features": features,
        "weights": weights,
        "model_slot": in_slot,
        "symbol_prefix": symbol_prefix,
        "export_manifest_sha256": export.sha256,
        "export_files": {
            path.name: export.manifest.files[path.name] for path in export_files(export, runtime)
        },
        "provenance": export.manifest.provenance,
    }
    text = json.dumps(record, indent=2, sort_keys=True, allow_nan=False)
    files["pskd_project.json"] = f"{text}\n".encode("ascii")
    return files


def _is_kernel(path: str) -> bool:
    """Whether a source is of the features or of plain C, where nearly all instructions are."""
    return PurePosixPath(path).name.startswith(("accelerometer_features", "plain_"))


def _listed(paths: Iterable[str], target: BoardTarget) -> str:
    """Returns the lines that name the sources in a CMake file."""
    sources = [PurePosixPath(path) for path in paths if path.endswith((".c", ".cpp"))]
    names = sorted(str(path.relative_to(target.listed_below)) for path in sources)
    return "\n".join(f'    "{name}"' for name in names)


def write_board_project(folder: str | Path, files: Mapping[str, bytes]) -> None:
    """Writes the folder, whole or not at all.

    Args:
        folder: A new or an empty one.
        files: Contents by relative path, from `board_project`.

    Raises:
        UserError: The folder is not empty, is a file, or cannot be written.
    """
    folder = Path(folder)
    check_project_folder(folder)
    try:
        with whole_folder(folder) as temporary:
            for name, body in files.items():
                path = temporary / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(body)
    except OSError as error:
        raise UserError("out must be a writable folder", error.strerror, folder) from error


def check_project_folder(folder: str | Path) -> None:
    """Raises `UserError` unless a project can be written there: nothing, or an empty folder."""
    folder = Path(folder)
    if folder.exists() and not folder.is_dir():
        raise UserError("out must be a folder", "a file", folder)
    if folder.is_dir() and any(folder.iterdir()):
        rule = "out must be a new or an empty folder: a project may hold your own changes"
        raise UserError(rule, "one with files in it", folder)


_SHARED = ("model_settings.h", "golden_vectors.h")
_OF_RUNTIME = {
    "tflm": ("model_data.h", "model_data.cc", "op_resolver.h"),
    "plain_c": ("plain_model.h", "plain_model.c"),
}


def export_files(export: Export, runtime: str) -> list[Path]:
    """Returns the files of an export that one runtime needs.

    Args:
        export: The export.
        runtime: "tflm" or "plain_c".

    Returns:
        Their paths.

    Raises:
        UserError: A file is missing, or differs from the exported one.
    """
    return [export.file(name) for name in (*_SHARED, *_OF_RUNTIME[runtime])]


_LEFT_OUT = {
    "tflm": ("plain_*", "activity_classifier_plain.c"),
    "plain_c": ("activity_classifier_tflm.cc",),
}
# Only for a project with a model slot.
_OF_SLOT = "model_slot.*"
# These calculate with integers alone; all other C must give the same bits whatever the compiler's
# flags are.
_WITHOUT_FLOATS = "plain_"


def project_sources(export: Export, runtime: str, in_slot: bool = False) -> dict[str, bytes]:
    """Collects the core, the application and the model.

    Args:
        export: The export.
        runtime: "tflm" or "plain_c".
        in_slot: Whether the tables come from a model slot.

    Returns:
        Contents by file name, all for one folder; C++ is `.cpp`, which every ecosystem compiles.
    """
    root = firmware_sources()
    paths: list[Path] = [
        path
        for path in sorted((root / "src").iterdir())
        if path.suffix in (".c", ".h", ".cc")
        and not any(path.match(pattern) for pattern in _LEFT_OUT[runtime])
        and (in_slot or not path.match(_OF_SLOT))
    ]
    paths += sorted(path for path in (root / "boards").iterdir() if path.suffix in (".c", ".h"))
    paths += export_files(export, runtime)
    contents = {}
    for path in paths:
        body = path.read_bytes()
        if path.suffix == ".c" and not path.name.startswith(_WITHOUT_FLOATS):
            body = b'#include "strict_float.h"\n\n' + body
        contents[path.name.removesuffix(".cc") + ".cpp" if path.suffix == ".cc" else path.name] = (
            body
        )
    return contents


_LEAST_SILENCE_SECONDS = 0.5


def project_settings_header(project: str, settings: RecognizerSettings) -> str:
    """Writes the header.

    Args:
        project: Its name in the header line of the serial protocol, hexadecimal digits.
        settings: Settings of the recognizer.

    Returns:
        A header that compiles as C99 and as C++11, in either mode.
    """
    gap_us = round(settings.maximum_gap_seconds * 1e6)
    silence_us = max(gap_us, round(_LEAST_SILENCE_SECONDS * 1e6))
    return f"""\
/* Generated by pskd_tf.export; yours to change. activity_recognizer.h and activity_loop.h say what
 * the fields mean; python -m pskd_tf.simulate tries them on a recording.
 */
#ifndef PSKD_PROJECT_SETTINGS_H_
#define PSKD_PROJECT_SETTINGS_H_

#include <string.h>

#include "activity_loop.h"

/* The export's manifest: the first digits of its SHA-256. */
#define PSKD_PROJECT "{project}"

/* 1 sends each sample, too, as pskd_tf.monitor needs to check the axes and to record: 2.3 kB a
 * second at 50 Hz, for which the core waits on most boards.
 */
#ifndef PSKD_SENDS_SAMPLES
#define PSKD_SENDS_SAMPLES 0
#endif

static inline void pskd_project_settings(PskdLoopSettings *settings) {{
  PskdRecognizerSettings *recognizer = &settings->recognizer;
  memset(settings, 0, sizeof(*settings));
  settings->silence_us = {silence_us}u;
  settings->sends_samples = PSKD_SENDS_SAMPLES;
  recognizer->filter.smoothing = {c_float(settings.smoothing)};
  recognizer->filter.enter = {c_float(settings.threshold)};
  recognizer->filter.leave = {c_float(settings.threshold * settings.leave_share)};
  recognizer->filter.class_floor = {c_float(settings.class_floor)};
  recognizer->filter.minimum_windows = {settings.minimum_windows};
  recognizer->adaptation.rise = {c_float(settings.adapt_rise)};
  recognizer->adaptation.fall_per_us = {c_float(settings.fall_per_us)};
  recognizer->adaptation.most = {c_float(settings.adapt_most)};
  recognizer->maximum_same = {settings.maximum_same};
#if PSKD_CLIP_MODE
  recognizer->segment.gravity_weight = {c_float(settings.gravity_weight)};
  recognizer->segment.energy_weight = {c_float(settings.energy_weight)};
  recognizer->segment.start_g = {c_float(settings.start_g)};
  recognizer->segment.end_g = {c_float(settings.end_g)};
  recognizer->segment.noise_rise = {c_float(settings.noise_rise)};
  recognizer->segment.start_noise = {c_float(settings.start_noise)};
  recognizer->segment.end_noise = {c_float(settings.end_noise)};
  recognizer->segment.lead_samples = {settings.lead_samples};
  recognizer->segment.rest_samples = {settings.rest_samples};
  recognizer->segment.maximum_gap_us = {gap_us}u;
#else
  recognizer->maximum_gap_us = {gap_us}u;
#endif
}}

#endif /* PSKD_PROJECT_SETTINGS_H_ */
"""


def fill_template(text: str, values: Mapping[str, str], kept: Collection[str]) -> str:
    """Fills in a template.

    Args:
        text: `@NAME@` stands for a value; a line that begins with one of `MARKS`, such as
            `@tflm@`, is in the project only if it is kept, without the mark.
        values: By name, in capitals.
        kept: The marks whose lines are kept: the runtime, "slot" or "no_slot", and the axes.

    Returns:
        The text.

    Raises:
        KeyError: A name has no value.
    """
    lines = []
    for line in text.splitlines(keepends=True):
        mark = next((name for name in MARKS if line.startswith(f"@{name}@")), None)
        if mark is None or mark in kept:
            lines.append(line if mark is None else line[len(mark) + 2 :])
    return re.sub(r"@([A-Z_]+)@", lambda found: values[found[1]], "".join(lines))
