"""The C core and a run's model as a program of this machine."""

import shutil
import subprocess
from pathlib import Path

from data_prep.fingerprint import file_sha256, json_sha256
from data_prep.user_error import UserError
from data_prep.whole_file import whole_file
from pskd_tf.simulation.exported_model import MODEL_FILES, ExportedModel
from pskd_tf.simulation.firmware_sources import firmware_sources

_FLAGS = ("-std=c99", "-O2", "-ffp-contract=off")
# Besides the model's own.
_SOURCES = (
    *("src/accelerometer_features.c", "src/activity_filter.c", "src/activity_recognizer.c"),
    *("src/plain_kernels.c", "src/segment_detector.c", "src/signal_check.c"),
    *("src/window_buffer.c", "firmware/stream_recording.c", "firmware/print_report.c"),
    "firmware/host/platform.c",
)


def compile_core(model: ExportedModel, cache_dir: str | Path, compiler: str = "cc") -> Path:
    """Compiles `stream_recording.c` with the core and the model, once for the same sources.

    Args:
        model: The export.
        cache_dir: Where programs are kept, each under the hash of what makes it.
        compiler: Name or path of a C99 compiler.

    Returns:
        The program.

    Raises:
        UserError: There is no such compiler, it fails, or the cache cannot be written.
    """
    found = shutil.which(compiler)
    if found is None:
        raise UserError("A simulation needs a C compiler (--compiler)", f"no {compiler}")
    root = firmware_sources()
    sources = [root / name for name in _SOURCES]
    headers = [*(root / "src").glob("*.h"), *(root / "firmware").glob("*.h")]
    makers = [*sources, *headers, *(model.folder / name for name in MODEL_FILES)]
    hashes = sorted([path.name, file_sha256(path)] for path in makers)
    key = json_sha256([found, _FLAGS, hashes])[:16]
    program = Path(cache_dir) / f"simulate-{key}"
    if program.is_file():
        return program
    folders = [f"-I{model.folder}", f"-I{root / 'src'}", f"-I{root / 'firmware'}"]
    try:
        with whole_file(program) as temporary:
            command = [found, *_FLAGS, *folders, *map(str, sources)]
            command += [str(model.folder / "plain_model.c"), "-o", str(temporary), "-lm"]
            finished = subprocess.run(command, capture_output=True, text=True)
            if finished.returncode:
                first = next((line for line in finished.stderr.splitlines() if "error" in line), "")
                rule = f"The C compiler {found} must compile the core"
                raise UserError(rule, first or f"status {finished.returncode}")
    except OSError as error:
        raise UserError("cache_dir must be a writable folder", error.strerror, cache_dir) from error
    return program
