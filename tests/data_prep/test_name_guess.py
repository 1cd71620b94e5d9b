"""Subject, action and repetition from names, by a pattern and by guesses."""

import pytest

from data_prep.errors import UserError
from data_prep.name_guess import fields_by_pattern, guess_fields, name_words


def told(guess, path: str) -> tuple[str, str, str]:
    fields = guess.fields.get(path, {})
    return tuple(fields.get(name, "") for name in ("subject", "action", "repetition"))


@pytest.mark.parametrize(
    ("pattern", "path", "fields"),
    [
        ("{subject}_{action}_{repetition}", "anna_wave_2.csv", ("anna", "wave", "2")),
        (
            "{subject}_{action}_{repetition}",
            "deep/anna_raise_arm_t2.csv",
            ("anna", "raise_arm", "t2"),
        ),
        ("{subject}/{action}/{any}", "raw/p1/wave/acc.2.csv", ("p1", "wave", "")),
        ("{action}-{any}-{subject}", "wave-left-anna.txt", ("anna", "wave", "")),
        ("a{action}_s{subject}_t{repetition}_{any}", "a1_s2_t3_inertial.csv", ("2", "1", "3")),
        ("{action}", "x/walk (fast).csv", ("", "walk (fast)", "")),
    ],
)
def test_pattern(pattern: str, path: str, fields: tuple[str, str, str]):
    assert told(fields_by_pattern([path], pattern), path) == fields


def test_a_pattern_that_fits_some_files_says_which_not():
    guess = fields_by_pattern(["anna_wave_1.csv", "notes.csv"], "{subject}_{action}_{repetition}")
    assert list(guess.fields) == ["anna_wave_1.csv"]
    assert guess.reason.endswith("fits 1 of 2 files, not notes.csv")
    assert not guess.is_likely


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("{subjekt}_{action}", r"Received: \{subjekt\}; did you mean subject\?"),
        ("{subject}_{subject}", r"each field once\. Received: \{subject\}"),
        ("wave_{any}", r"must hold \{subject\}, \{action\} or \{repetition\}"),
        ("{subject}/{action}", r"must fit a file, without its ending: .* Received: anna_wave\.csv"),
    ],
)
def test_bad_patterns(pattern: str, message: str):
    with pytest.raises(UserError, match=message):
        fields_by_pattern(["anna_wave.csv"], pattern)


@pytest.mark.parametrize(
    ("form", "is_likely"),
    [
        ("{0}_{1}_{2}.csv", False),
        ("raw/{0}/{1}_{2}_acc.csv", False),
        ("{0}-{1}-{2}.csv", False),
        ("s{3}_{1}_t{2}.csv", True),
        ("Subject0{3}/{1}/trial{2}/watch.csv", True),
        ("a{4}_s{3}_t{2}_inertial.csv", True),
    ],
)
def test_guess(form: str, is_likely: bool):
    names = {
        (subject, action, trial): form.format(
            *("anna", "berta")[subject : subject + 1], ("wave", "clap")[action], trial + 1,
            subject + 1, action + 1,
        )
        for subject in range(2) for action in range(2) for trial in range(2)
    }  # fmt: skip
    guess = guess_fields(list(names.values()))
    assert guess.is_likely == is_likely
    for (subject, action, trial), path in names.items():
        found = told(guess, path)
        assert found[0] in (("anna", "berta")[subject], f"s{subject + 1}", f"Subject0{subject + 1}")
        assert found[1] in (("wave", "clap")[action], f"a{action + 1}")
        assert found[2].endswith(str(trial + 1))


def test_actions_of_several_words():
    paths = ["s1_raise_arm_1.csv", "s1_wave_2.csv", "s2_wave.csv"]
    guess = guess_fields(paths)
    assert [told(guess, path) for path in paths] == [
        ("s1", "raise_arm", "1"), ("s1", "wave", "2"), ("s2", "wave", ""),
    ]  # fmt: skip
    assert guess.is_likely


def test_names_that_tell_nothing():
    guess = guess_fields(["data.csv"])
    assert (dict(guess.fields), guess.is_likely) == ({}, False)


def test_words_of_a_name():
    assert name_words("raw/Anna/wave-1_Joints.csv") == ["Anna", "wave", "1"]
