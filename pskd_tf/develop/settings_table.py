"""Writes the tables of settings into a page of the documentation.

Examples:
    python -m pskd_tf.develop.settings_table --document=docs/cli.md

The page holds the lines `<!-- settings -->` and `<!-- end of settings -->`; what is between them
is replaced.
"""

from dataclasses import dataclass
from pathlib import Path

from data_prep.commands import CommandArguments, print_result, run_command
from data_prep.errors import UserError
from data_prep.files import whole_file
from data_prep.flags import flags_table
from data_prep.settings import setting
from pskd_tf.arguments import TrainArguments

_START, _END = "<!-- settings -->\n", "<!-- end of settings -->\n"


@dataclass(frozen=True)
class TableArguments(CommandArguments):
    """The page."""

    document: Path = setting(Path("docs/cli.md"), "Markdown file whose tables are replaced.")


def with_settings(text: str) -> str:
    """Returns a page with the tables of `pskd_tf.train`'s flags.

    Args:
        text: The page, with both marking lines.

    Raises:
        UserError: A marking line is missing.
    """
    before, start, rest = text.partition(_START)
    _, end, after = rest.partition(_END)
    if not start or not end:
        raise UserError(f"The page needs the lines {_START.strip()} and {_END.strip()}", "not both")
    return f"{before}{start}\n{flags_table(TrainArguments)}\n{end}{after}"


def main(arguments: TableArguments) -> None:
    """Replaces the tables."""
    text = with_settings(arguments.document.read_text(encoding="utf-8"))
    if arguments.dry_run:
        print(text)
    else:
        with whole_file(arguments.document) as temporary:
            temporary.write_text(text, encoding="utf-8")
    print_result(arguments.document, "python", "-m", "pskd_tf.train", "--help")


if __name__ == "__main__":
    run_command(main, TableArguments)
