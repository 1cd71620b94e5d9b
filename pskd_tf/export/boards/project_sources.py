"""The C and C++ sources of a project."""

from pathlib import Path

from pskd_tf.export.boards.board_export import BoardExport
from pskd_tf.simulation.firmware_sources import firmware_sources

_LEFT_OUT = {
    "tflm": ("plain_kernels.c", "plain_kernels.h", "activity_classifier_plain.c"),
    "plain_c": ("activity_classifier_tflm.cc",),
}
# Where features and segments must not depend on the compiler's flags.
_STRICT = ("accelerometer_features.c", "segment_detector.c")


def project_sources(export: BoardExport, runtime: str) -> dict[str, bytes]:
    """Collects the core, the application and the model.

    Args:
        export: The export.
        runtime: "tflm" or "plain_c".

    Returns:
        Contents by file name, all for one folder; C++ is `.cpp`, which every ecosystem compiles.
    """
    root = firmware_sources()
    paths: list[Path] = [
        path
        for path in sorted((root / "src").iterdir())
        if path.suffix in (".c", ".h", ".cc") and path.name not in _LEFT_OUT[runtime]
    ]
    paths += sorted(path for path in (root / "boards").iterdir() if path.suffix in (".c", ".h"))
    paths += [export.folder / name for name in export.file_names]
    contents = {}
    for path in paths:
        body = path.read_bytes()
        if path.name in _STRICT:
            body = b'#include "strict_float.h"\n\n' + body
        contents[path.name.removesuffix(".cc") + ".cpp" if path.suffix == ".cc" else path.name] = (
            body
        )
    return contents
