"""What made a file: versions that can change its bytes."""

import platform
from importlib import metadata


def made_by(seed: int | None = None) -> dict[str, str | int]:
    """Returns the versions of Python and of the packages that prepare data, and the seed.

    Args:
        seed: The seed of generated data; None for recordings.
    """
    versions: dict[str, str | int] = {"python": platform.python_version()}
    for package in ("numpy", "pandas", "scipy", "pskd_tf"):
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            versions[package] = "not installed"
    if seed is not None:
        versions["seed"] = seed
    return versions
