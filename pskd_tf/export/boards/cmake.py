"""Plain CMake: any machine, a recording instead of a sensor."""

from pskd_tf.export.boards.board_target import BoardTarget

CMAKE = BoardTarget(
    name="cmake",
    source_folder="src",
    build="cmake -S {out} -B {out}/build",
    default_runtime="plain_c",
)
