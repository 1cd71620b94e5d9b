"""Packaging of pskd_tf: bounds of what it needs; `constraints.txt` holds the exact versions."""

from pathlib import Path

from setuptools import find_packages, setup

_C3D = "c3d>=0.6,<0.7"
_RAY = "ray>=2.40,<3"
_PYSERIAL = "pyserial>=3.5,<4"
_RICH = "rich>=13,<16"  # keras depends on it, too

setup(
    name="pskd_tf",
    version="0.1.0",
    description="Progressive skeleton-to-accelerometer knowledge distillation in Keras, "
    "down to an int8 C array for TensorFlow Lite Micro",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.11,<3.14",
    packages=[
        *find_packages(include=["pskd_tf", "pskd_tf.*", "data_prep", "data_prep.*"]),
        # The C sources, so that the commands that compile them work from a wheel.
        "pskd_tf.firmware",
        # The flagfiles, so that `--flagfile=configs/demo.flags` works from a wheel.
        "pskd_tf.configs",
    ],
    package_dir={"pskd_tf.firmware": "microcontroller", "pskd_tf.configs": "configs"},
    package_data={
        "pskd_tf": ["py.typed"],
        "data_prep": ["templates/*"],
        "pskd_tf.monitoring": ["templates/*"],
        "pskd_tf.reporting": ["templates/*"],
        "pskd_tf.configs": ["*.flags", "*.json"],
        "pskd_tf.firmware": [
            "src/*.[ch]",
            "src/*.cc",
            "boards/*",
            "boards/*/*",
            "boards/*/*/*",
            "firmware/*.[ch]",
            "firmware/host/*.[ch]",
        ],
    },
    install_requires=[
        "tensorflow>=2.21,<2.22",
        "keras>=3.15,<3.16",
        "tf-keras>=2.21,<2.22",
        "tensorflow-model-optimization>=0.8.1,<0.9",
        "tflite-micro==0.dev20261023182759",  # only development builds exist
        "ai-edge-litert>=2.3,<2.4",
        "numpy>=2.1,<3",
        "pandas>=2.2,<4",
        "scipy>=1.14,<2",
        "scikit-learn>=1.5,<2",
        "threadpoolctl>=3.1,<4",
        "matplotlib>=3.9,<4",
        "absl-py>=1.4,<2",  # tensorflow-model-optimization caps it below 2
        "tensorboard>=2.20,<3",
        "tqdm>=4.66,<5",
        "requests>=2.32,<3",
        "pydantic>=2.11,<3",
        "jinja2>=3.1,<4",
        "filelock>=3.30,<5",
    ],
    extras_require={
        "c3d": [_C3D],
        "ray": [_RAY],
        "monitor": [_PYSERIAL, _RICH],
        # Guides `make fuzz` by coverage; without it the same changes are drawn blindly.
        "fuzz": ["atheris>=3,<4; sys_platform == 'linux'"],
        # Ray, because a runner that no test starts would not be kept working.
        "test": [
            "pytest>=8,<10",
            "pytest-xdist>=3.7,<4",
            "hypothesis>=6.100,<7",
            "ward-metrics>=0.9.5,<1",  # Ward's event categories, to compare with
            "ruff>=0.17,<0.18",
            "bandit>=1.9,<2",
            "nbclient>=0.10,<1",
            "ipykernel>=6.29,<8",
            "nbformat>=5.10,<6",
            "PyYAML>=6,<7",
            "mkdocs>=1.6,<2",
            "mkdocs-material>=9.7,<10",
            "nbconvert>=7.16,<8",
            "coverage>=7.10,<8",
            "html5lib>=1.1,<2",
            "mypy>=2,<3",
            "pandas-stubs",
            "types-PyYAML",
            "types-requests",
            "types-tqdm",
            "mkdocstrings[python]>=1,<2",
            _C3D,
            _PYSERIAL,
            _RICH,
            _RAY,
        ],
    },
)
