"""The names that the packages offer, and when they are imported."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

import data_prep
import pskd_tf

PACKAGES = (
    "data_prep",
    "data_prep.formats",
    "data_prep.loaders",
    "pskd_tf",
    "pskd_tf.benchmark",
    "pskd_tf.compression",
    "pskd_tf.data",
    "pskd_tf.device",
    "pskd_tf.distillation",
    "pskd_tf.distillation.losses",
    "pskd_tf.evaluation",
    "pskd_tf.export",
    "pskd_tf.models",
    "pskd_tf.monitoring",
    "pskd_tf.reporting",
    "pskd_tf.runs",
)


@pytest.fixture(params=PACKAGES)
def package(request: pytest.FixtureRequest) -> ModuleType:
    return import_module(request.param)


def test_every_name_is_there_and_described(package):
    assert package.__all__
    for name in package.__all__:
        value = getattr(package, name)
        if callable(value):
            assert value.__name__ == name
            assert value.__module__.startswith(package.__name__)
            assert value.__doc__


def test_dir_lists_the_public_names_only(package):
    assert dir(package) == sorted(package.__all__)


def test_no_name_is_also_a_module(package):
    """Else `from package import name` would give one or the other, whichever came first."""
    folder = Path(package.__file__).parent
    modules = {path.stem for path in folder.glob("*.py")} | {
        path.name for path in folder.iterdir() if path.is_dir()
    }
    assert not modules & set(package.__all__)


def test_the_names_of_a_first_script():
    assert {"load_dataset", "prepare_dataset", "PreparedSet", "inspect_recordings"} <= set(
        dir(data_prep)
    )
    assert {"PSKDDistiller", "AdaptiveConfidenceSemantic", "accelerometer_student"} <= set(
        dir(pskd_tf)
    )
    assert Path(pskd_tf.__file__).with_name("py.typed").exists()


def test_an_unknown_name_is_an_error():
    with pytest.raises(AttributeError, match="module 'pskd_tf' has no attribute 'nothing'"):
        _ = pskd_tf.nothing
    with pytest.raises(ImportError):
        exec("from data_prep import nothing", {})


def test_importing_the_packages_imports_nothing_heavy():
    """So that a command can start TensorFlow quietly and on one thread."""
    script = (
        f"import sys, {', '.join(PACKAGES)}\n"
        "heavy = {'tensorflow', 'keras', 'tf_keras', 'numpy', 'pandas', 'scipy'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "from pskd_tf import InputSettings, TrainingSettings\n"
        "assert not {'tensorflow', 'keras'} & set(sys.modules), 'heavy settings'\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True)
