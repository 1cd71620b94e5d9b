"""Downloads a data set's raw files, or says how to get them.

Examples:
    python -m data_prep.download --dataset=utd_mhad --out_dir=downloads/utd_mhad --unverified
    python -m data_prep.download --dataset=smartfallmm --out_dir=DIR --dry_run

A download that was cut off goes on when the same command is started again. No authors publish a
SHA-256 of their files yet; without one, nothing tells that the bytes are theirs, and only
--unverified takes them as the server sends them, by https.
"""

import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

from tqdm import tqdm

from data_prep.commands import CommandArguments, print_result, run_command
from data_prep.downloading import (
    DOWNLOADS,
    DatasetDownload,
    RemoteFile,
    download_file,
    unpack_archive,
)
from data_prep.errors import UserError
from data_prep.settings import REQUIRED, setting


@dataclass(frozen=True)
class DownloadArguments(CommandArguments):
    """What to download, and where to."""

    dataset: str = setting(REQUIRED, f"Data set: {', '.join(DOWNLOADS)}.")
    out_dir: Path | None = setting(
        None, "Folder to download to; the --raw_dir of data_prep.prepare."
    )
    unverified: bool = setting(
        False, "Take a file of which no SHA-256 is published, as the server sends it."
    )


def main(arguments: DownloadArguments) -> None:
    """Downloads the data set that the flags name."""
    if arguments.dataset not in DOWNLOADS:
        raise UserError(f"dataset must be one of {', '.join(DOWNLOADS)}", arguments.dataset)
    wanted = DOWNLOADS[arguments.dataset]
    if not wanted.files:
        rule = f"{wanted.title} cannot be downloaded by this command. {wanted.how}"
        raise UserError(f"{rule} The authors' page: {wanted.page}")
    if arguments.out_dir is None:
        raise UserError("--out_dir must be given", "nothing")
    out_dir = arguments.out_dir
    print(f"{wanted.title}, authors' page: {wanted.page}")
    for item in wanted.files:
        if arguments.dry_run:
            print(f"would download {item.url} to {out_dir / item.name} ({item.source})")
        else:
            if item.sha256 is None and not arguments.unverified:
                rule = "A file of which no SHA-256 is published needs --unverified, which takes it"
                raise UserError(f"{rule} as the server sends it", item.url)
            _get(item, wanted, out_dir)
    if not arguments.dry_run:
        print_result(
            out_dir,
            *("python", "-m", "data_prep.prepare", f"--dataset={arguments.dataset}"),
            *(f"--raw_dir={out_dir}", "--out_dir=DIR"),
        )


def _get(item: RemoteFile, wanted: DatasetDownload, out_dir: Path) -> None:
    path = out_dir / item.name
    folder = out_dir / path.name.split(".")[0]
    if item.unpack and folder.is_dir():
        print(f"  {folder.name}: there already")
        return
    print(f"  {item.url} ({item.source})")
    with tqdm(unit="B", unit_scale=True, disable=not sys.stderr.isatty()) as bar:

        def show(done: int, total: int | None) -> None:
            bar.total = total
            bar.update(done - bar.n)

        try:
            received = download_file(item.url, path, item.sha256, show)
        except UserError as error:
            rule = f"{error.rule}. {wanted.how} The authors' page: {wanted.page}"
            raise UserError(rule, error.received, error.path) from error
    checked = "as expected" if item.sha256 else "nothing to compare it with"
    print(f"  {item.name}: SHA-256 {received}, {checked}")
    if path.suffix == ".zip" and not zipfile.is_zipfile(path):
        # Some servers answer a wrong address with a page of text and status 200.
        path.unlink()
        rule = f"The file of {item.url} must be a zip archive. The authors' page: {wanted.page}"
        raise UserError(rule, "something else", path)
    if item.unpack:
        print(f"  {folder.name}: {unpack_archive(path, folder)} files unpacked")
        path.unlink()


if __name__ == "__main__":
    run_command(main, DownloadArguments)
