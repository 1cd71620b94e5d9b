"""What every command does: parse its flags, end with `result:` and `next:`, and turn user errors
into one line.
"""

import shlex
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from absl import app, flags

from data_prep.errors import UserError


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
    "which),\n130 if interrupted; anything else is a bug and shows its traceback."
)


def run_command(main: Callable[[], None]) -> None:
    """Parses the command line, runs `main` and exits 0, or 2 with one line for a user's error.

    `--help` prints the docstring of the command's module, the exit statuses (unless the docstring
    says its own) and the flags. A relative `--flagfile` that is not in the working folder is
    looked for beside the command's package, so that `--flagfile=configs/demo.flags` works from an
    installed wheel.

    Args:
        main: The command; it reads its flags and raises `UserError` for what a user can mend.
            Any other exception is a bug and keeps its traceback.
    """

    def parse_flags(arguments: Sequence[str]) -> list[str]:
        if {"--help", "-h", "--helpshort"} & set(arguments[1:]):
            # absl itself would exit with status 1.
            text = (sys.modules["__main__"].__doc__ or "").strip()
            print(text if "Exit status" in text else f"{text}\n\n{EXIT_STATUS}")
            print(flags.FLAGS.main_module_help())
            sys.exit(0)
        try:
            rest = flags.FLAGS([_found_flagfile(argument) for argument in arguments])
        except flags.Error as error:
            _exit_with(error)
        if len(rest) > 1:
            _exit_with(UserError("A command takes only --flags", " ".join(rest[1:])))
        return rest

    def guarded(_: Sequence[str]) -> None:
        try:
            main()
        except UserError as error:
            _exit_with(error)
        except KeyboardInterrupt:
            print("interrupted; the same command resumes", file=sys.stderr)
            sys.exit(130)

    app.run(guarded, flags_parser=parse_flags)


def _found_flagfile(argument: str) -> str:
    name, equals, value = argument.partition("=")
    if name.lstrip("-") != "flagfile" or not equals:
        return argument
    spec = sys.modules["__main__"].__spec__
    package = sys.modules[spec.name.partition(".")[0]].__file__ if spec else None
    return f"{name}={packaged_file(value, package)}" if package else argument


def _exit_with(error: Exception) -> None:
    print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
    sys.exit(2)


def print_result(result: str | Path, *next_command: str | Path) -> None:
    """Prints where the result lies and what to run next.

    Args:
        result: A file, a folder, or what was found where nothing is written.
        next_command: Words of the next command, quoted here as a shell needs it; capital letters
            stand for what the user has to fill in.
    """
    print(f"result: {result}")
    print(f"next: {shlex.join(str(word) for word in next_command)}")
