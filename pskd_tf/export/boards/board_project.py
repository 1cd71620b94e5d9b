"""All files of a project for a board."""

import json
import re
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from data_prep.user_error import UserError
from pskd_tf.export.boards.axis_map import AxisMap
from pskd_tf.export.boards.board_export import BoardExport
from pskd_tf.export.boards.board_target import BoardTarget
from pskd_tf.export.boards.fill_template import fill_template
from pskd_tf.export.boards.project_settings_header import project_settings_header
from pskd_tf.export.boards.project_sources import project_sources
from pskd_tf.simulation.firmware_sources import firmware_sources
from pskd_tf.simulation.recognizer_settings import RecognizerSettings

# Of the manifest's SHA-256; enough to tell projects apart on a serial line.
_HASH_DIGITS = 12
_NAME = r"[A-Za-z][A-Za-z0-9_]*"


def board_project(
    run_dir: str | Path,
    target: BoardTarget,
    name: str,
    *,
    runtime: str,
    axes: AxisMap,
    settings: RecognizerSettings,
) -> dict[str, bytes]:
    """Makes a project; the same arguments give the same bytes.

    Args:
        run_dir: A finished run of pskd_tf.train.
        target: The ecosystem.
        name: Of the project and its folder.
        runtime: "tflm" or "plain_c".
        axes: From the sensor's axes to the wrist's.
        settings: Of the recognizer.

    Returns:
        Contents by path, relative to the project's folder. `pskd_project.json` says what it was
        made from.

    Raises:
        UserError: There is no export, it was changed, or the name is none that a build tool takes.
    """
    if not re.fullmatch(_NAME, name):
        rule = "A project's folder is named by letters, digits and _, a letter first"
        raise UserError(rule, repr(name))
    export = BoardExport.read(run_dir, runtime)
    sources = project_sources(export, runtime)
    settings_text = project_settings_header(export.sha256[:_HASH_DIGITS], settings)
    sources["project_settings.h"] = settings_text.encode("ascii")
    files = {f"{target.source_folder}/{file_name}": body for file_name, body in sources.items()}
    if target.takes_flatbuffer:
        files["student_int8.tflite"] = (export.folder / "student_int8.tflite").read_bytes()
    values = {
        "PROJECT": name,
        "AXES": ", ".join(map(str, axes.axes)),
        "SIGNS": ", ".join(map(str, axes.signs)),
        "AXES_TEXT": f"--axes={axes.text}",
        "SOURCES": _listed(files, target),
        "SOURCE_FOLDER": target.source_folder,
        "EXPORT_HASH": export.sha256,
        "RUNTIME": runtime,
    }
    templates = firmware_sources() / "boards"
    ending = (templates / "README_end.md").read_text(encoding="utf-8")
    for path in sorted((templates / target.name).rglob("*")):
        if path.is_file():
            place = path.relative_to(templates / target.name).as_posix()
            text = path.read_text(encoding="utf-8") + (ending if place == "README.md" else "")
            # Arduino's sketch is named after its folder.
            place = place.replace("project.ino", f"{name}.ino")
            files[place] = fill_template(text, values, runtime).encode("utf-8")
    record = {
        "target": target.name,
        "runtime": runtime,
        "axes": axes.text,
        "export_manifest_sha256": export.sha256,
        "export_files": {file: export.manifest["files"][file] for file in export.file_names},
        "provenance": export.manifest["provenance"],
    }
    text = json.dumps(record, indent=2, sort_keys=True, allow_nan=False)
    files["pskd_project.json"] = f"{text}\n".encode("ascii")
    return files


def _listed(paths: Iterable[str], target: BoardTarget) -> str:
    """Returns the lines that name the sources in a CMake file."""
    sources = [PurePosixPath(path) for path in paths if path.endswith((".c", ".cpp"))]
    names = sorted(str(path.relative_to(target.listed_below)) for path in sources)
    return "\n".join(f'    "{name}"' for name in names)
