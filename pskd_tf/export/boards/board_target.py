"""What distinguishes one ecosystem from another."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BoardTarget:
    """A form of project. Its templates lie in `microcontroller/boards/NAME/`, as in the project.

    Attributes:
        name: As `--target` gives it.
        source_folder: Where the C and C++ sources go, relative to the project.
        build: The command that builds, with `{out}` for the project's folder.
        default_runtime: "tflm" or "plain_c".
        listed_below: What the sources' paths in the build file are relative to.
        takes_flatbuffer: Whether `student_int8.tflite` goes with it.
    """

    name: str
    source_folder: str
    build: str
    default_runtime: str = "tflm"
    listed_below: str = "."
    takes_flatbuffer: bool = False
