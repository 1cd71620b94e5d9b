"""Subject, action and repetition from the names of files. The rules for a guess are ours."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from data_prep.errors import UserError
from data_prep.formats.text_tables import did_you_mean

NAME_FIELDS = ("subject", "action", "repetition")
_PATTERNS = {
    "subject": "[^/]+?",
    "action": "[^/]+?",
    "repetition": "[A-Za-z]*[0-9]+",
    "any": "[^/]*?",
}
# Words that say what a file holds, not who did what.
_KIND_WORDS = {
    *("acc", "accel", "accelerometer", "acceleration", "totalacceleration", "inertial", "imu"),
    *("watch", "phone", "sensor", "sensors", "wrist", "joint", "joints", "skeleton", "skel"),
    *("openpose", "keypoints", "vicon", "markers"),
    *("pose", "poses", "kinect", "camera", "mocap", "body", "raw", "data"),
}


@dataclass(frozen=True)
class NameGuess:
    """What the names of some files tell.

    Args:
        fields: Path -> {"subject", "action", "repetition"}; a field that the name does not tell
            is absent, and so is a path that tells none.
        is_likely: Whether the names have forms that are usual for these fields.
        reason: Which part of the name is which field.
    """

    fields: Mapping[str, Mapping[str, str]]
    is_likely: bool
    reason: str


def name_words(path: str) -> list[str]:
    """Returns the words of a path without its ending and without words such as "skeleton"."""
    stem = str(PurePosixPath(path).with_suffix(""))
    words = [word for word in re.split(r"[/_\s.-]+", stem) if word]
    return [word for word in words if word.lower() not in _KIND_WORDS]


def fields_by_pattern(paths: Sequence[str], pattern: str) -> NameGuess:
    """Returns the fields of all files whose path fits a pattern.

    Args:
        paths: Relative to the folder, with "/".
        pattern: Such as "{subject}_{action}_{repetition}" or "{subject}/{action}_{any}"; it must
            fit the last parts of the path without the ending. A repetition ends with a number.

    Raises:
        UserError: The pattern has an unknown field or none, or fits no path.
    """
    expression, seen = "", set[str]()
    for piece in re.split(r"(\{[^{}]*\})", pattern):
        if not re.fullmatch(r"\{.*\}", piece):
            expression += re.escape(piece)
            continue
        name = piece[1:-1]
        if name not in _PATTERNS:
            rule = "name_pattern may hold {subject}, {action}, {repetition} and {any}"
            raise UserError(rule, f"{piece}{did_you_mean(name, tuple(_PATTERNS))}")
        if name in seen and name != "any":
            raise UserError("name_pattern must hold each field once", piece)
        seen.add(name)
        expression += _PATTERNS[name] if name == "any" else f"(?P<{name}>{_PATTERNS[name]})"
    if not seen & set(NAME_FIELDS):
        raise UserError("name_pattern must hold {subject}, {action} or {repetition}", pattern)
    fits = re.compile(rf"(?:.*/)?{expression}")
    matches = {path: fits.fullmatch(str(PurePosixPath(path).with_suffix(""))) for path in paths}
    fields = {path: match.groupdict() for path, match in matches.items() if match}
    if not fields:
        raise UserError(f"name_pattern must fit a file, without its ending: {pattern}", paths[0])
    missed = [path for path in paths if path not in fields]
    reason = f"{pattern} fits {len(fields)} of {len(paths)} files"
    if missed:
        reason += f", not {missed[0]}"
    return NameGuess(fields, not missed, reason)


_SUBJECT = re.compile(r"(s|sub|subj|subject|p|person|participant|u|user|id)\d+", re.IGNORECASE)
_ACTION = re.compile(r"(a|act|action|activity|c|class)\d+|[^\W\d]+", re.IGNORECASE)
_REPETITION = re.compile(r"(t|r|rep|repetition|trial|take|run)?\d+", re.IGNORECASE)


def guess_fields(paths: Sequence[str]) -> NameGuess:
    """Guesses which words of the names are subject, action and repetition.

    Words with usual forms ("s1", "subject01", "t2", "wave") are likely. Of words without such a
    form the first is taken for the subject, and a last number for the repetition.

    Args:
        paths: Relative to the folder, with "/"; at least one.
    """
    words = [name_words(path) for path in paths]
    if len({len(own) for own in words}) > 1:
        return _fields_by_ends(paths, words)
    columns = list(zip(*words, strict=True))
    free = [place for place, column in enumerate(columns) if len(set(column)) > 1]
    places: dict[str, int] = {}
    subject = _first(columns, range(len(columns)), _SUBJECT)
    if subject is not None:
        places["subject"] = subject
        free = [place for place in free if place != subject]
    if free and all(_REPETITION.fullmatch(word) for word in columns[free[-1]]):
        places["repetition"] = free.pop()
    if subject is None and len(free) > 1:
        places["subject"] = free.pop(0)
    action = _first(columns, free, _ACTION)
    if action is not None:
        places["action"] = action
    if not places:
        return NameGuess({}, False, "the names tell neither subject nor action")
    fields = {
        path: {name: own[place] for name, place in places.items()}
        for path, own in zip(paths, words, strict=True)
    }
    reason = ", ".join(
        f"{name} is word {place + 1} ({_some(columns[place])})"
        for name, place in sorted(places.items(), key=lambda entry: entry[1])
    )
    return NameGuess(fields, subject is not None and "action" in places, reason)


def _first(
    columns: Sequence[Sequence[str]], places: Sequence[int], form: re.Pattern[str]
) -> int | None:
    return next(
        (place for place in places if all(form.fullmatch(word) for word in columns[place])), None
    )


def _some(words: Sequence[str]) -> str:
    distinct = list(dict.fromkeys(words))
    return ", ".join(distinct[:3]) + (", ..." if len(distinct) > 3 else "")


def _fields_by_ends(paths: Sequence[str], words: Sequence[list[str]]) -> NameGuess:
    """Guesses where actions have several words: what is between the first and a last number."""
    fields: dict[str, dict[str, str]] = {}
    for path, own in zip(paths, words, strict=True):
        has_number = len(own) > 2 and bool(_REPETITION.fullmatch(own[-1]))
        middle = own[1:-1] if has_number else own[1:]
        if middle:
            fields[path] = {"subject": own[0], "action": "_".join(middle)}
            fields[path] |= {"repetition": own[-1]} if has_number else {}
    are_subjects = all(_SUBJECT.fullmatch(own[0]) for own in words if own)
    reason = "subject is the first word, repetition a last number, action what is between them"
    return NameGuess(fields, are_subjects and len(fields) == len(paths), reason)
