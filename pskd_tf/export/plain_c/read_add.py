"""ADD of two tensors of one shape."""

from pskd_tf.export.plain_c.activation_range import activation_range
from pskd_tf.export.plain_c.operator_reader import OperatorReader
from pskd_tf.export.plain_c.plain_layer import PlainLayer
from pskd_tf.export.plain_c.quantised_multiplier import quantised_multiplier

# TensorFlow Lite adds int8 with this many bits of fraction.
_FRACTION_BITS = 20


def read_add(reader: OperatorReader) -> PlainLayer:
    """Reads an addition without broadcasting.

    Args:
        reader: The operator.

    Returns:
        The layer.

    Raises:
        UserError: What the kernel does not compute.
    """
    sources = [reader.activation(number) for number in reader.sources]
    result = reader.activation(reader.result)
    shapes = [(tensor.rows, tensor.channels) for tensor in (*sources, result)]
    reader.require(len(set(shapes)) == 1, "tensors of one shape", shapes)
    largest = 2 * max(tensor.scale for tensor in sources)
    pairs = [quantised_multiplier(tensor.scale / largest) for tensor in sources]
    factor = largest / ((1 << _FRACTION_BITS) * result.scale)
    multiplier, shift = quantised_multiplier(factor)
    reader.require(shift >= 0, "an output no finer than its fraction bits", factor)
    minimum, maximum = activation_range(
        reader.options.fusedActivationFunction, result.scale, result.zero_point
    )
    return PlainLayer(
        kind="add",
        operator=reader.name,
        sources=tuple(reader.sources),
        result=reader.result,
        fields={
            "size": result.size,
            "zero_points": tuple(tensor.zero_point for tensor in sources),
            "multipliers": tuple(pair[0] for pair in pairs),
            "shifts": tuple(pair[1] for pair in pairs),
            "zero_point": result.zero_point,
            "multiplier": multiplier,
            "shift": shift,
            "minimum": minimum,
            "maximum": maximum,
        },
        arrays={},
    )
