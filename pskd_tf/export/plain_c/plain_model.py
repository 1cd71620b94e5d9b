"""An int8 flatbuffer as the two files of its plain C."""

from pskd_tf.export.plain_c.buffer_plan import BufferPlan
from pskd_tf.export.plain_c.plain_model_header import plain_model_header
from pskd_tf.export.plain_c.plain_model_source import plain_model_source
from pskd_tf.export.plain_c.read_graph import read_graph


def plain_model(tflite: bytes) -> dict[str, str]:
    """Generates `plain_model.h` and `plain_model.c`, to be compiled with `plain_kernels.c`.

    Args:
        tflite: The flatbuffer's bytes.

    Returns:
        Texts by file name, plain ASCII; the same flatbuffer gives the same texts.

    Raises:
        UserError: An operator, or a use of one, that plain C does not compute; it is named.
    """
    graph = read_graph(tflite)
    plan = BufferPlan.make(graph)
    return {
        "plain_model.h": plain_model_header(graph, plan),
        "plain_model.c": plain_model_source(graph, plan),
    }
