"""A project for a board, as a folder."""

from collections.abc import Mapping
from pathlib import Path

from data_prep.user_error import UserError
from data_prep.whole_file import whole_folder


def write_board_project(folder: str | Path, files: Mapping[str, bytes]) -> None:
    """Writes the folder, whole or not at all.

    Args:
        folder: A new or an empty one.
        files: Contents by relative path, from `board_project`.

    Raises:
        UserError: The folder holds something, is a file, or cannot be written.
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
