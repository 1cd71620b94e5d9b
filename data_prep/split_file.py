"""The file that keeps the splits of a protocol, so that later commands have the same."""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from data_prep.errors import UserError
from data_prep.files import json_sha256, whole_file
from data_prep.protocols import ClipSplit
from data_prep.records import read_json_object

_SCHEMA_VERSION = 1


def kept_splits(path: str | Path, splits: Sequence[ClipSplit]) -> str:
    """Writes the splits to a file, or checks that the file there holds the same ones.

    Args:
        path: The JSON file. It names the protocol, its metric, whether it leaks subjects, and of
            each fold the subjects and the clip ids of both parts, with a hash over all of it.
        splits: The splits of one protocol, from `protocol_splits`.

    Returns:
        The hash, by which results name their splits.

    Raises:
        UserError: The file is damaged, was edited, or holds other splits; it cannot be written.
    """
    path = Path(path)
    content = _content(splits)
    if path.exists():
        _check(path, content)
    else:
        text = json.dumps(content, indent=1, sort_keys=True) + "\n"
        try:
            with whole_file(path) as part:
                part.write_text(text, encoding="utf-8")
        except OSError as error:
            raise UserError("A split file must be writable", error.strerror, path) from error
    return str(content["sha256"])


def _content(splits: Sequence[ClipSplit]) -> dict[str, Any]:
    own = {"protocol", "metric"}
    content: dict[str, Any] = {
        "schema_version": _SCHEMA_VERSION,
        "protocol": splits[0].protocol,
        "metric": splits[0].metric,
        "leaks_subjects": any(split.leaks_subjects for split in splits),
        "splits": [
            {
                name: list(value) if isinstance(value, tuple) else value
                for name, value in dataclasses.asdict(split).items()
                if name not in own
            }
            for split in splits
        ],
    }
    return {**content, "sha256": json_sha256(content)}


def _check(path: Path, content: dict[str, Any]) -> None:
    try:
        kept = read_json_object(path)
        kept_hash = kept.pop("sha256")
        is_whole = kept_hash == json_sha256(kept)
    except (ValueError, KeyError) as error:
        raise UserError("A split file must be readable JSON with its hash", error, path) from error
    if not is_whole:
        raise UserError("A split file must be as it was written", "edits", path)
    if kept_hash != content["sha256"]:
        rule = f"A split file must hold the splits of {content['protocol']} of this prepared set"
        received = f"{kept.get('protocol')} of other clips or folds"
        raise UserError(f"{rule}; take another file for other splits", received, path)
