"""Another prefix for a project's symbols, so that two models can be in one image."""

import re

from data_prep.errors import UserError

DEFAULT_PREFIX = "pskd"
# What a build passes with -D keeps its name, and so does what the serial line says.
_OPTIONS = (
    *("PSKD_SELF_TEST", "PSKD_QUEUE_SAMPLES", "PSKD_SENDS_SAMPLES", "PSKD_MEMORY_BARRIER"),
    *("PSKD_PLAIN_PORTABLE", "PSKD_PLAIN_NO_HELIUM"),
)
_SYMBOL = re.compile(
    rf"\b(?!pskd_tf\b)(?!(?:{'|'.join(_OPTIONS)})\b)(?:(pskd)(?=_)|(PSKD)(?=_)|(Pskd)(?=[A-Z]))"
    r"|\b(pskd)(?=::)|(?<=namespace )(pskd)\b"
)


def check_symbol_prefix(prefix: str) -> None:
    """Raises `UserError` unless a prefix gives names of C in small, large and mixed letters."""
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", prefix):
        rule = "symbol_prefix has small letters, digits and single _ between them, a letter first"
        raise UserError(rule, repr(prefix))


def with_prefix(text: str, prefix: str) -> str:
    """Renames the functions, variables, types, macros and the namespace of a source.

    Args:
        text: C or C++ of the core, a board file or an export.
        prefix: Takes the place of "pskd"; macros have it in capitals, types in CamelCase.

    Returns:
        The text. Options of the build, file names and `pskd_tf` stay as they are.
    """
    if prefix == DEFAULT_PREFIX:
        return text
    camel = "".join(word.capitalize() for word in prefix.split("_"))

    def replacement(found: re.Match[str]) -> str:
        _, capital, mixed, *_ = found.groups()
        return prefix.upper() if capital else camel if mixed else prefix

    return _SYMBOL.sub(replacement, text)
