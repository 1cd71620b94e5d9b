"""How every command starts: absl flags, user errors as one line with exit status 2."""

import sys
from collections.abc import Callable, Sequence

from absl import app, flags

from data_prep.user_error import UserError


def run_command(main: Callable[[], None]) -> None:
    """Parses the command line, runs `main` and exits 0, or 2 with one line for a user's error.

    Args:
        main: The command; it reads its flags and raises `UserError` for what a user can mend.
            Any other exception is a bug and keeps its traceback.
    """

    def parse_flags(arguments: Sequence[str]) -> list[str]:
        if {"--help", "-h", "--helpshort"} & set(arguments[1:]):
            # absl itself would exit with status 1.
            print((sys.modules["__main__"].__doc__ or "").strip())
            print(flags.FLAGS.main_module_help())
            sys.exit(0)
        try:
            rest = flags.FLAGS(list(arguments))
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


def _exit_with(error: Exception) -> None:
    print(f"error: {' '.join(str(error).split())}", file=sys.stderr)
    sys.exit(2)
