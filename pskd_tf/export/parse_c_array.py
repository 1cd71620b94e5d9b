"""The way back from `model_data.cc` to the flatbuffer."""

import re

from data_prep.user_error import UserError

_ARRAY = re.compile(r"pskd_model_data\[\]\s*=\s*\{([^}]*)\}")
_LENGTH = re.compile(r"pskd_model_data_length\s*=\s*(\d+)\s*;")
_BYTE = re.compile(r"0x[0-9a-f]{2}")


def parse_c_array(source: str) -> bytes:
    """Reads the flatbuffer back from a generated source, without a compiler.

    Args:
        source: Text of `model_data.cc`.

    Returns:
        The flatbuffer's bytes.

    Raises:
        UserError: No such array, an item that is no byte, or a length that does not fit.
    """
    array, length = _ARRAY.search(source), _LENGTH.search(source)
    if not array or not length:
        raise UserError("The source must define pskd_model_data and its length", "no such array")
    items = [item.strip() for item in array.group(1).split(",") if item.strip()]
    wrong = [item for item in items if not _BYTE.fullmatch(item)]
    if wrong:
        raise UserError("Every item of pskd_model_data is written as 0x00 to 0xff", wrong[0])
    if len(items) != int(length.group(1)):
        raise UserError(f"pskd_model_data_length must be {len(items)}", length.group(1))
    return bytes(int(item, 16) for item in items)
