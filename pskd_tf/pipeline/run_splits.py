"""The splits that a protocol's name means to a run."""

from data_prep.prepared_set import PreparedSet
from data_prep.protocols.clip_split import ClipSplit
from data_prep.protocols.protocol_splits import protocol_splits, validation_splits
from data_prep.user_error import UserError


def run_splits(prepared: PreparedSet, protocol: str) -> list[ClipSplit]:
    """Returns a protocol's splits, each with clips to train and to score.

    Args:
        prepared: The prepared set.
        protocol: `validation`, which leaves each training subject of `cross_subject` out in turn
            and in which test subjects do not occur, or a name that `protocol_splits` knows.

    Returns:
        The splits.

    Raises:
        UserError: The protocol is unknown, or one of its parts is empty.
    """
    description, manifest = prepared.description, prepared.manifest
    if protocol == "validation":
        (split,) = protocol_splits(description, manifest, "cross_subject")
        splits = validation_splits(description, manifest, split)
    else:
        splits = protocol_splits(description, manifest, protocol)
    for split in splits:
        if split.empty_parts:
            rule = "Both parts of a protocol need clips; validation needs no test subject"
            raise UserError(rule, split.label)
    return splits
