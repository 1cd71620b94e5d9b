"""What every specification of a stage has, and the packages that results depend on."""

from dataclasses import dataclass
from typing import ClassVar

# Packages by what they do, for `StageSpec.relies_on`.
NETS = ("keras", "numpy", "tensorflow")
SCORING = ("numpy", "scikit-learn", "scipy")
FLATBUFFERS = ("ai-edge-litert", "tflite-micro")
TWINS = ("tensorflow-model-optimization", "tf-keras")


@dataclass(frozen=True)
class StageSpec:
    """What every specification has.

    Attributes:
        kind: Name of the kind.
        version: Version of the kind's action.
        relies_on: Names of the packages whose versions the result depends on.
    """

    kind: ClassVar[str]
    version: ClassVar[int]
    relies_on: ClassVar[tuple[str, ...]]

    @property
    def packages(self) -> tuple[str, ...]:
        """Names of the packages whose versions the result of this specification depends on."""
        return self.relies_on

    @property
    def inputs(self) -> tuple[str, ...]:
        """Keys of the stages whose results are read."""
        return ()

    @property
    def epochs(self) -> int:
        """Epochs of training that the action spends."""
        return 0
