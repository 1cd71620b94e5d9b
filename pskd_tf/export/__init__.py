"""From an int8 flatbuffer to the folder of C sources that a board compiles."""

from typing import TYPE_CHECKING

from data_prep.lazy import lazy_names

if TYPE_CHECKING:
    from pskd_tf.export.boards.axis_map import AxisMap as AxisMap
    from pskd_tf.export.boards.project import (
        board_project as board_project,
        write_board_project as write_board_project,
    )
    from pskd_tf.export.boards.targets import (
        BOARD_TARGETS as BOARD_TARGETS,
        BoardTarget as BoardTarget,
    )
    from pskd_tf.export.headers import parse_c_array as parse_c_array
    from pskd_tf.export.plain_c.source import plain_model as plain_model
    from pskd_tf.export.student import export_student as export_student
else:
    __all__, __getattr__, __dir__ = lazy_names(__name__)
