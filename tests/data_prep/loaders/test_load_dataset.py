"""Data sets by name."""

import pytest

from data_prep.loaders.load_dataset import load_dataset
from data_prep.user_error import UserError


def test_known_name():
    description, clips = load_dataset("synthetic", seed=2)
    assert (description.name, description.made_by["seed"]) == ("synthetic", 2)
    assert next(clips).clip_id == "a1_s1_t1"


def test_unknown_name_lists_the_known():
    message = r"^The data set must be one of synthetic, utd_mhad\. Received: mhad$"
    with pytest.raises(UserError, match=message):
        load_dataset("mhad")


@pytest.mark.parametrize("raw_dir", [None, ""])
def test_recordings_need_a_raw_dir(raw_dir):
    with pytest.raises(UserError, match=r"^utd_mhad needs a raw_dir"):
        load_dataset("utd_mhad", raw_dir)
