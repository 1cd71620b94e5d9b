"""What every command does: parse its flags, end with `result:` and `next:`, and turn user errors
into one line.
"""

import ast
import re
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
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
    "which),\n130 if interrupted; anything else is a bug and shows its traceback."
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
    words = sys.argv[1:]
    if {"--help", "-h", "--helpshort"} & set(words):
        text = (sys.modules["__main__"].__doc__ or "").strip()
        print(text if "Exit status" in text else f"{text}\n\n{EXIT_STATUS}")
        print(f"\n{flags_help(kind)}")
        sys.exit(0)
    try:
        main(parse_flags(kind, [_found_flagfile(word) for word in words]))
    except (UserError, flags.Error) as error:
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("interrupted; the same command resumes", file=sys.stderr)
        sys.exit(130)
    sys.exit(0)


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
    root = Path(str(import_module(package).__file__)).parent
    print(f"{title}\n")
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
    print(f"\npython -m {package}.NAME --help lists the flags of a command.")
