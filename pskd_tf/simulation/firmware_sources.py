"""Where the C sources lie, in a checkout and in an installed wheel."""

from pathlib import Path

import pskd_tf


def firmware_sources() -> Path:
    """Returns the folder that holds `src/` and `firmware/`.

    In a wheel it is `pskd_tf/firmware`, to which setup.py maps `microcontroller/`; in a checkout,
    `microcontroller/` itself.
    """
    package = Path(pskd_tf.__file__).parent
    installed = package / "firmware"
    return installed if installed.is_dir() else package.parent / "microcontroller"
