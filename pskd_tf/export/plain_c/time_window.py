"""Where the windows of a convolution or pooling along time lie."""

from dataclasses import dataclass

from pskd_tf.export.plain_c.operator_reader import OperatorReader

_SAME = 0


@dataclass(frozen=True)
class TimeWindow:
    """Windows along time.

    Attributes:
        taps: Rows of a window.
        stride: Rows from one window to the next.
        positions: Windows.
        head: Rows that the first window reaches before the signal.
        tail: Rows that the last window reaches beyond the signal.
    """

    taps: int
    stride: int
    positions: int
    head: int
    tail: int

    @classmethod
    def read(
        cls, reader: OperatorReader, kernel: tuple[int, int], rows: int, positions: int
    ) -> "TimeWindow":
        """Reads an operator's padding and strides, as TensorFlow Lite means them.

        Args:
            reader: A convolution or a pooling.
            kernel: Its kernel along time and along the width.
            rows: Rows of its input.
            positions: Rows of its output.

        Returns:
            The windows.

        Raises:
            UserError: A kernel wider than 1, a dilation, or an output of another length than
                follows from the padding.
        """
        options = reader.options
        taps, stride = int(kernel[0]), int(options.strideH)
        reader.require(kernel[1] == 1, "kernels (taps, 1)", f"kernel {tuple(map(int, kernel))}")
        dilation = getattr(options, "dilationHFactor", 1)
        reader.require(dilation == 1, "no dilation", f"dilation {dilation}")
        if options.padding == _SAME:
            expected = -(-rows // stride)
            reach = (positions - 1) * stride + taps
            head = max(reach - rows, 0) // 2
        else:
            expected = (rows - taps) // stride + 1
            head = 0
        reader.require(positions == expected, f"{expected} output rows", positions)
        tail = max((positions - 1) * stride + taps - head - rows, 0)
        return cls(taps, stride, positions, head, tail)
