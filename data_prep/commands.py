"""What every command does: parse its flags, end with `result:` and `next:`, and turn user errors,
full disks and signals into one line.
"""

import ast
import contextlib
import errno
import io
import os
import re
import shlex
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import FrameType
from typing import TypeVar

from absl import flags

from data_prep.errors import UserError
from data_prep.flags import flags_help, parse_flags
from data_prep.settings import check_settings, setting


def packaged_file(name: str, package: str | Path) -> str:
    """Returns where a file lies: as named, or beside or in a package.

    In a wheel the configs lie in the package, in a checkout beside it.

    Args:
        name: A path such as `configs/demo.flags`.
        package: The package's `__init__.py`.

    Returns:
        A path that exists, or the name as it was.
    """
    if not Path(name).exists():
        for folder in Path(package).parents[:2]:
            if (folder / name).is_file():
                return str(folder / name)
    return name


EXIT_STATUS = (
    "Exit status: 0 if all went well, 2 for a mistake that the user can mend (one line says "
    "which),\n130 if interrupted, 143 if terminated; anything else is a bug and shows its "
    "traceback."
)


@dataclass(frozen=True)
class CommandArguments:
    """What every command takes; a command's own arguments derive from it."""

    dry_run: bool = setting(False, "Print what would be done; write nothing.")

    def __post_init__(self) -> None:
        check_settings(self)


Arguments = TypeVar("Arguments")


def run_command(main: Callable[[Arguments], None], kind: type[Arguments]) -> None:
    """Parses the command line, runs `main` and exits 0, or 2 with one line for a user's error.

    `--help` prints the docstring of the command's module, the exit statuses (unless the docstring
    says its own) and the flags. A relative `--flagfile` that is not in the working folder is
    looked for beside the command's package, so that `--flagfile=configs/demo.flags` works from an
    installed wheel.

    Args:
        main: The command; it raises `UserError` for what a user can mend. Any other exception is a
            bug and keeps its traceback.
        kind: The arguments that it takes.
    """
    escape_output()
    signals = _Signals()
    try:
        signals.install()
        message, status = _run(main, kind, sys.argv[1:])
        # Nothing is left to clean up; Python takes a moment to end.
        signals.end_at_once()
    except KeyboardInterrupt:
        message, status = _INTERRUPTED, 128 + signals.received
    if message:
        print(message, file=sys.stderr)
    sys.exit(status)


def _run(
    main: Callable[[Arguments], None], kind: type[Arguments], words: list[str]
) -> tuple[str, int]:
    """Returns the line on standard error and the exit status."""
    try:
        if {"--help", "-h", "--helpshort"} & set(words):
            text = (sys.modules["__main__"].__doc__ or "").strip()
            print(text if "Exit status" in text else f"{text}\n\n{EXIT_STATUS}")
            print(f"\n{flags_help(kind)}")
        else:
            _check_platform()
            main(parse_flags(kind, [_found_flagfile(word) for word in words]))
    except (UserError, flags.Error) as error:
        return f"error: {' '.join(str(error).split())}", 2
    except OSError as error:
        message = _machine_error(error)
        if message is None:
            raise
        return f"error: {message}", 2
    return "", 0


def escape_output() -> None:
    """Lets standard output escape what its encoding lacks, as standard error does by itself."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")


def _check_platform() -> None:
    if sys.platform == "win32":
        raise UserError("Commands run on Linux and macOS; on Windows, in WSL", "native Windows")


# What the machine refuses, whatever the code does; other numbers are bugs.
_OF_THE_MACHINE = {
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO),
    *(errno.EISDIR, errno.ENOTDIR, errno.ENAMETOOLONG, errno.EMFILE, errno.ENFILE),
}


def _machine_error(error: OSError) -> UserError | None:
    """Returns the error of a full disk, a missing right and the like; None for any other."""
    rule = "The machine must be able to read and write the files; then the same command resumes"
    # numpy writes arrays itself and knows no number ("24 requested and 0 written").
    if error.errno is None and re.search(r"\d+ requested and \d+ written", str(error)):
        return UserError(rule, "a disk that is full, or no longer there")
    if error.errno not in _OF_THE_MACHINE:
        return None
    return UserError(rule, error.strerror, error.filename)


_INTERRUPTED = "interrupted; the same command resumes"


class _Signals:
    """INT, TERM and HUP as `KeyboardInterrupt`, so that a command cleans up before it ends.

    Attributes:
        received: Number of the signal.
    """

    # Further ones do not stop the cleaning up; when it takes longer, one more ends that, too.
    _SECONDS = 10.0

    def __init__(self) -> None:
        self.received = int(signal.SIGINT)
        self._since: float | None = None

    def install(self) -> None:
        for number in _ending_signals():
            signal.signal(number, self._receive)

    def _receive(self, number: int, frame: FrameType | None) -> None:
        del frame
        now = time.monotonic()
        if self._since is None or now - self._since > self._SECONDS:
            self.received = number
            self._since = now
            raise KeyboardInterrupt

    @staticmethod
    def end_at_once() -> None:
        for number in _ending_signals():
            signal.signal(number, _end_at_once)


def _ending_signals() -> list[signal.Signals]:
    """Returns those that end this process by default; `nohup`, for one, has HUP ignored."""
    names = ("SIGINT", "SIGTERM", "SIGHUP")
    numbers = [signal.Signals[name] for name in names if hasattr(signal, name)]
    return [one for one in numbers if signal.getsignal(one) is not signal.SIG_IGN]


def _end_at_once(number: int, frame: FrameType | None) -> None:
    """Ends a command that still imports or has ended its work: there is nothing to clean up."""
    del frame
    with contextlib.suppress(OSError, RuntimeError, ValueError):  # broken, in a write, or closed
        sys.stdout.flush()
    os.write(2, f"{_INTERRUPTED}\n".encode())
    os._exit(128 + number)


def _catch_while_importing() -> None:
    # `python -m` has set the name of the main module; a command imports this module first, and
    # others, which take seconds, after it. Who imports the package as a library is left alone.
    spec = getattr(sys.modules.get("__main__"), "__spec__", None)
    if spec is not None and spec.name.partition(".")[0] in ("pskd_tf", "data_prep"):
        with contextlib.suppress(ValueError):  # not in the main thread
            _Signals.end_at_once()


_catch_while_importing()


def _found_flagfile(argument: str) -> str:
    name, equals, value = argument.partition("=")
    if name.lstrip("-") != "flagfile" or not equals:
        return argument
    spec = sys.modules["__main__"].__spec__
    package = sys.modules[spec.name.partition(".")[0]].__file__ if spec else None
    return f"{name}={packaged_file(value, package)}" if package else argument


def print_result(result: str | Path, *next_command: str | Path) -> None:
    """Prints where the result lies and what to run next.

    Args:
        result: A file, a folder, or what was found where nothing is written.
        next_command: Words of the next command, quoted here as a shell needs it; capital letters
            stand for what the user has to fill in.
    """
    print(f"result: {result}")
    print(f"next: {shlex.join(str(word) for word in next_command)}")


def print_commands(package: str, title: str, names: Sequence[str]) -> None:
    """Prints what each command of a package does and how it is typically started.

    Args:
        package: The package's name, such as `pskd_tf`.
        title: The first line.
        names: Modules or packages with a command, such as `train`.
    """
    escape_output()
    root = Path(str(import_module(package).__file__)).parent
    # Without blank lines, so that the list fits a screen of 24.
    print(title)
    for name in names:
        path = root / f"{name}.py"
        if not path.exists():
            path = root / name / "__main__.py"
        # Read, not imported: a list of commands is to come at once.
        text = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        call = re.search(rf"python -m {re.escape(package)}\.{name} .*", text)
        print(f"{name:<20} {text.splitlines()[0]}")
        typical = call.group() if call else f"python -m {package}.{name}"
        print(f"{'':<20} {typical}")
    print(f"python -m {package}.NAME --help lists the flags of a command.")
