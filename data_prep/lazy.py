"""Names that a package offers, each imported at its first use."""

import ast
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any


def lazy_names(package: str) -> tuple[list[str], Callable[[str], Any], Callable[[], list[str]]]:
    """Makes a package offer what its `__init__` imports under `if TYPE_CHECKING:`.

    Type checkers read these imports; at run time each happens when its name is first used
    (PEP 562), so that `import` of a package does not start TensorFlow. There is one list of names
    this way; `lazy_loader` of the scientific packages does the same with stub files.

    Args:
        package: The package's `__name__`.

    Returns:
        Its `__all__`, `__getattr__` and `__dir__`.

    Example:
        if TYPE_CHECKING:
            from my_package.shapes import Circle as Circle, Square as Square
        else:
            __all__, __getattr__, __dir__ = lazy_names(__name__)
    """
    module = sys.modules[package]
    tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
    homes = {
        alias.asname or alias.name: (node.module or "", alias.name)
        for block in tree.body
        if isinstance(block, ast.If)
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    names = sorted(homes)

    def lazy_attribute(name: str) -> Any:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        home, original = homes[name]
        value = getattr(import_module(home), original)
        setattr(module, name, value)  # the next use finds it there
        return value

    return names, lazy_attribute, lambda: names
