"""Files that a package brings, found from any working folder."""

from pathlib import Path


def packaged_file(name: str, package: str | Path) -> str:
    """Returns where a file lies: as named, or beside or in a package.

    In a wheel the configs lie in the package, in a checkout beside it.

    Args:
        name: A path such as `configs/demo.flags`.
        package: The package's `__init__.py`.

    Returns:
        A path that exists, or the name as it was.
    """
    if not Path(name).exists():
        for folder in Path(package).parents[:2]:
            if (folder / name).is_file():
                return str(folder / name)
    return name
