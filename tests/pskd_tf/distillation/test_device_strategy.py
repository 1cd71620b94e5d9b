"""One training over two devices, in a process of its own: devices are configured once."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from data_prep.errors import UserError
from pskd_tf.distillation.training import device_strategy

SCRIPT = Path(__file__).with_name("two_devices.py")


@pytest.fixture(scope="module")
def compared() -> dict:
    """What `two_devices.py` measured: largest relative differences by case."""
    command = [sys.executable, str(SCRIPT)]
    finished = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert finished.returncode == 0, finished.stderr[-3000:]
    return json.loads(finished.stdout.splitlines()[-1])


@pytest.mark.parametrize("case", ["weighted", "given", "live"])
def test_the_first_step_s_gradients_are_those_of_one_device(compared, case):
    """At the same batch, by SGD at rate 1: the update is the gradient."""
    assert compared[case]["devices"] == 2
    assert compared[case]["gradient_size"] > 1e-3
    assert compared[case]["gradient_difference"] < 1e-5


@pytest.mark.parametrize("case", ["weighted", "given", "live"])
def test_the_epoch_s_metrics_are_those_of_one_device(compared, case):
    assert compared[case]["metric_difference"] < 1e-5


def test_unsynchronised_batch_norm_differs(compared):
    """The reason why `fit_student` synchronises: statistics of half a batch are others."""
    assert compared["own_batch_norm"]["gradient_difference"] > 1e-2


def test_mixing_runs_over_the_whole_batch(compared):
    """The last sample of the first device meets the first of the second, and the last the first."""
    assert compared["next_samples"] == [1, 2, 3, 4, 5, 0]


def test_a_training_of_some_epochs_stays_close_to_one_device(compared):
    """With AdamW, the moving average, mixup and a record; without dropout."""
    assert compared["fit_student"]["weight_difference"] < 1e-3
    assert compared["fit_student"]["history_difference"] < 1e-3


def test_devices_drop_different_units(compared):
    assert compared["dropout"]["first"] != compared["dropout"]["second"]
    assert compared["dropout"]["first"] == compared["dropout"]["alone"]


def test_a_batch_that_devices_cannot_share_equally_is_refused(compared):
    expected = "A batch must be a multiple of the 2 devices (--batch_size). Received: 15 clips"
    assert compared["refusal"] == expected


def test_the_strategies_by_name():
    assert device_strategy("none").num_replicas_in_sync == 1
    with pytest.raises(UserError, match="must be none or mirrored"):
        device_strategy("tpu")
    with pytest.raises(UserError, match="needs at least 2 devices"):
        device_strategy("mirrored")
