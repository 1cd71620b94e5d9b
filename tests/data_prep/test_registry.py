"""Data sets by name."""

import dataclasses
import pickle

import pytest

from data_prep.errors import UserError
from data_prep.loader import DatasetOptions, option_values
from data_prep.loaders.synthetic.loader import SyntheticLoader, SyntheticStyle
from data_prep.registry import DATASETS, load_dataset


def test_known_name():
    found = load_dataset("synthetic", seed=2).discover()
    assert (found.description.name, found.description.made_by["seed"]) == ("synthetic", 2)
    assert found.sources[0].clip_id == "a1_s1_t1"


def test_unknown_name_lists_the_known():
    message = r"^The data set must be one of synthetic, utd_mhad.*\. Received: mhad$"
    with pytest.raises(UserError, match=message):
        load_dataset("mhad")


@pytest.mark.parametrize("name", DATASETS)
def test_every_name_has_its_loader(name: str, tmp_path):
    """It holds the raw folder or the manifest it is given and can go to any worker."""
    options = DatasetOptions(manifest="recordings.csv") if name == "custom" else None
    loader = load_dataset(name, tmp_path, options=options)
    assert pickle.loads(pickle.dumps(loader)) == loader
    assert type(loader).__name__.lower() == f"{name.replace('_', '')}loader"
    assert getattr(loader, "raw_dir", tmp_path) == tmp_path


def test_sensor_is_a_number_where_the_set_numbers_them(tmp_path):
    options = DatasetOptions(sensor="1")
    assert load_dataset("berkeley_mhad", tmp_path, options=options).sensor == 1
    assert load_dataset("mmact", tmp_path, options=DatasetOptions(sensor="phone")).sensor == "phone"
    with pytest.raises(UserError, match=r"^The sensor must be 1 to 6\. Received: watch$"):
        load_dataset("berkeley_mhad", tmp_path, options=DatasetOptions(sensor="watch"))


def test_each_option_belongs_to_a_loader(tmp_path):
    """So that no flag is offered that nothing takes."""
    known = set()
    for name in DATASETS:
        with pytest.raises(UserError) as error:
            load_dataset(name, tmp_path, options=_EveryOption())
        known |= set(str(error.value).partition("its options are: ")[2].split(". ")[0].split(", "))
    known.discard("none")
    assert known == {field.name for field in dataclasses.fields(DatasetOptions)}


@dataclasses.dataclass(frozen=True)
class _EveryOption(DatasetOptions):
    none_such: int = 1


@pytest.mark.parametrize("raw_dir", [None, ""])
def test_recordings_need_a_raw_dir(raw_dir):
    with pytest.raises(UserError, match=r"^utd_mhad needs a raw_dir"):
        load_dataset("utd_mhad", raw_dir)


def test_options_reach_the_loader():
    loader = load_dataset("synthetic", options=DatasetOptions(num_subjects=2, num_trials=3))
    assert len(loader.discover().sources) == 8 * 2 * 3


def test_a_later_option_leaves_the_descriptions_of_before_as_they_are():
    before = {
        "seed": 0,
        "num_subjects": 6,
        "num_trials": 4,
        "style": dataclasses.asdict(SyntheticStyle()),
    }
    assert option_values(SyntheticLoader()) == before
    loader = load_dataset("synthetic", options=DatasetOptions(from_rest_seconds=0.5))
    assert option_values(loader) == before | {"from_rest_seconds": 0.5}


def test_option_of_another_data_set():
    options = DatasetOptions(sensor="watch")
    message = r"^synthetic has no option sensor; its options are: num_subjects, num_trials, "
    message += r"from_rest_seconds\. "
    with pytest.raises(UserError, match=message + "Received: watch$"):
        load_dataset("synthetic", options=options)
    with pytest.raises(UserError, match=r"^utd_mhad has no option sensor; its options are: none"):
        load_dataset("utd_mhad", "raw", options=options)
