"""Hand-made int8 flatbuffers: graphs that take no training and no converter."""

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.tools import flatbuffer_utils


class HandMade:
    """A flatbuffer under construction; weights and scales come from the generator.

    Each method adds one operator after `self.last`, and returns the new tensor's number.
    """

    def __init__(self, generator: np.random.Generator, rows: int, channels: int):
        self.generator = generator
        self.model = schema.ModelT()
        self.model.version = 3
        self.model.buffers = [schema.BufferT()]
        self.model.operatorCodes = []
        self.graph = schema.SubGraphT()
        self.graph.tensors, self.graph.operators = [], []
        self.model.subgraphs = [self.graph]
        self.last = self.tensor((1, rows, 1, channels), float(generator.uniform(0.01, 0.1)))
        self.graph.inputs = [self.last]

    def tensor(self, shape, scales, zero_point=None, values=None, kind=schema.TensorType.INT8):
        """Adds a tensor; one without values is an activation."""
        tensor = schema.TensorT()
        tensor.shape, tensor.type, tensor.buffer = list(shape), kind, 0
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale = np.atleast_1d(np.asarray(scales, np.float32))
        if zero_point is None:
            zero_point = int(self.generator.integers(-128, 128)) if values is None else 0
        count = len(tensor.quantization.scale)
        tensor.quantization.zeroPoint = np.full(count, zero_point, np.int64)
        if values is not None:
            buffer = schema.BufferT()
            buffer.data = np.frombuffer(values.tobytes(), np.uint8)
            tensor.buffer = len(self.model.buffers)
            self.model.buffers.append(buffer)
        self.graph.tensors.append(tensor)
        return len(self.graph.tensors) - 1

    def operator(self, name, options, inputs, output):
        """Adds an operator that writes `output`, which becomes `self.last`."""
        code = schema.OperatorCodeT()
        code.builtinCode = getattr(schema.BuiltinOperator, name)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        code.version = 1
        operator = schema.OperatorT()
        operator.opcodeIndex = len(self.model.operatorCodes)
        self.model.operatorCodes.append(code)
        operator.inputs, operator.outputs = inputs, [output]
        if options is not None:
            operator.builtinOptions = options
            kind = type(options).__name__.removesuffix("T")
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, kind)
        self.graph.operators.append(operator)
        self.last = output
        return output

    def shape(self):
        return [int(size) for size in self.graph.tensors[self.last].shape]

    def scale(self):
        return float(self.graph.tensors[self.last].quantization.scale[0])

    def _weighted(self, shape, channels, reach, axis, per_channel=True):
        """Weights and biases that spread the output; returns both and the output's scale."""
        weights = self.generator.integers(-127, 128, shape).astype(np.int8)
        scales = self.generator.uniform(0.001, 0.02, channels if per_channel else 1)
        scales = scales.astype(np.float32)
        biases = self.generator.integers(-5000, 5000, channels).astype(np.int32)
        source = self.scale()
        number = self.tensor(shape, scales, values=weights)
        self.graph.tensors[number].quantization.quantizedDimension = axis
        bias = self.tensor(
            (channels,), scales * source, values=biases, kind=schema.TensorType.INT32
        )
        spread = source * float(scales.mean()) * 127 * 73 * np.sqrt(reach)
        return number, bias, spread / float(self.generator.uniform(200, 600))

    def _rows(self, taps, stride, padding, dilation=1):
        rows, reach = self.shape()[1], (taps - 1) * dilation + 1
        return -(-rows // stride) if padding == 0 else (rows - reach) // stride + 1

    def conv(self, channels, taps=1, stride=1, padding=0, activation=0, dilation=1):
        inputs = self.shape()[3]
        weights, bias, scale = self._weighted(
            (channels, taps, 1, inputs), channels, taps * inputs, 0
        )
        options = schema.Conv2DOptionsT()
        options.padding, options.fusedActivationFunction = padding, activation
        options.strideH, options.strideW = stride, 1
        options.dilationHFactor, options.dilationWFactor = dilation, 1
        result = self.tensor((1, self._rows(taps, stride, padding, dilation), 1, channels), scale)
        return self.operator("CONV_2D", options, [self.last, weights, bias], result)

    def depthwise(self, taps=3, stride=1, padding=0, activation=0, dilation=1):
        channels = self.shape()[3]
        weights, bias, scale = self._weighted((1, taps, 1, channels), channels, taps, 3)
        options = schema.DepthwiseConv2DOptionsT()
        options.padding, options.fusedActivationFunction = padding, activation
        options.strideH = options.strideW = stride
        options.dilationHFactor = dilation
        options.dilationWFactor = options.depthMultiplier = 1
        result = self.tensor((1, self._rows(taps, stride, padding, dilation), 1, channels), scale)
        return self.operator("DEPTHWISE_CONV_2D", options, [self.last, weights, bias], result)

    def pool(self, taps, stride, padding=1, activation=0, kind="AVERAGE_POOL_2D"):
        tensor = self.graph.tensors[self.last]
        options = schema.Pool2DOptionsT()
        options.padding, options.fusedActivationFunction = padding, activation
        options.strideH, options.strideW = stride, 1
        options.filterHeight, options.filterWidth = taps, 1
        result = self.tensor(
            (1, self._rows(taps, stride, padding), 1, self.shape()[3]),
            self.scale(),
            int(tensor.quantization.zeroPoint[0]),
        )
        return self.operator(kind, options, [self.last], result)

    def _constant(self, values):
        values = np.asarray(values, np.int32)
        return self.tensor(values.shape, 1.0, values=values, kind=schema.TensorType.INT32)

    def mean(self, factor, axes=(1, 2)):
        """The output has a scale of its own: the input's divided by `factor`."""
        options = schema.ReducerOptionsT()
        options.keepDims = False
        result = self.tensor((1, self.shape()[3]), self.scale() / factor)
        return self.operator("MEAN", options, [self.last, self._constant(axes)], result)

    def tanh(self):
        result = self.tensor(self.shape(), 1 / 128, 0)
        return self.operator("TANH", None, [self.last], result)

    def pad(self, head, tail):
        """Zeros before and after the rows."""
        _, rows, _, channels = self.shape()
        zero_point = int(self.graph.tensors[self.last].quantization.zeroPoint[0])
        result = self.tensor((1, head + rows + tail, 1, channels), self.scale(), zero_point)
        pads = self._constant([[0, 0], [head, tail], [0, 0], [0, 0]])
        return self.operator("PAD", schema.PadOptionsT(), [self.last, pads], result)

    def add(self, other, activation=0):
        options = schema.AddOptionsT()
        options.fusedActivationFunction = activation
        scale = self.scale() * float(self.generator.uniform(0.5, 3))
        result = self.tensor(self.shape(), scale)
        return self.operator("ADD", options, [self.last, other], result)

    def flatten(self):
        tensor = self.graph.tensors[self.last]
        size = int(np.prod(tensor.shape))
        shape = np.array([1, size], np.int32)
        target = self.tensor((2,), 1.0, values=shape, kind=schema.TensorType.INT32)
        result = self.tensor((1, size), self.scale(), int(tensor.quantization.zeroPoint[0]))
        return self.operator("RESHAPE", None, [self.last, target], result)

    def dense(self, channels, activation=0, per_channel=True):
        inputs = self.shape()[1]
        weights, bias, scale = self._weighted((channels, inputs), channels, inputs, 0, per_channel)
        options = schema.FullyConnectedOptionsT()
        options.fusedActivationFunction = activation
        options.weightsFormat, options.keepNumDims = 0, False
        result = self.tensor((1, channels), scale)
        return self.operator("FULLY_CONNECTED", options, [self.last, weights, bias], result)

    def build(self) -> bytes:
        self.graph.outputs = [self.last]
        return bytes(flatbuffer_utils.convert_object_to_bytearray(self.model))
