"""Own students: from a Keras model's configuration to layers, and from layers to a model.

`read_architecture` takes the configuration apart, which runs none of its code, and refuses by name
what a board could not run; `build_architecture` builds the same net in Keras 3 or in tf_keras.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from data_prep.errors import UserError
from pskd_tf.student_settings import OWN_STUDENT, STUDENT_INPUT, Architecture, ArchitectureLayer

_POOL = ("pool_size", "strides", "padding")
_WINDOW = ("kernel_size", "strides", "padding", "dilation_rate", "activation", "use_bias")
_CONVOLUTION = ("filters", *_WINDOW, "kernel_initializer", "bias_initializer")
_DEPTHWISE = (*_WINDOW, "depth_multiplier", "depthwise_initializer", "bias_initializer")

# Layers that TensorFlow Lite Micro runs in int8, with the arguments that count.
SUPPORTED_LAYERS = {
    "Activation": ("activation",),
    "Add": (),
    "AveragePooling1D": _POOL,
    "AveragePooling2D": _POOL,
    "BatchNormalization": ("axis", "momentum", "epsilon", "center", "scale"),
    "Concatenate": ("axis",),
    "Conv1D": _CONVOLUTION,
    "Conv2D": _CONVOLUTION,
    "Dense": ("units", "activation", "use_bias", "kernel_initializer", "bias_initializer"),
    "DepthwiseConv1D": _DEPTHWISE,
    "DepthwiseConv2D": _DEPTHWISE,
    "Dropout": ("rate",),
    "Flatten": (),
    "GlobalAveragePooling1D": ("keepdims",),
    "GlobalAveragePooling2D": ("keepdims",),
    "GlobalMaxPooling1D": ("keepdims",),
    "GlobalMaxPooling2D": ("keepdims",),
    "MaxPooling1D": _POOL,
    "MaxPooling2D": _POOL,
    "ReLU": ("max_value",),
    "Reshape": ("target_shape",),
    "SeparableConv1D": (*_DEPTHWISE, "filters", "pointwise_initializer"),
    "SpatialDropout1D": ("rate",),
    "ZeroPadding1D": ("padding",),
}
SUPPORTED_ACTIVATIONS = ("linear", "relu", "relu6", "sigmoid", "tanh")
# What a layer becomes on the board, where it is no operator that this version runs.
_RECURRENT = {
    "Bidirectional": "control flow or UNIDIRECTIONAL_SEQUENCE_LSTM",
    "ConvLSTM1D": "control flow (WHILE)",
    "GRU": "control flow (WHILE)",
    "LSTM": "UNIDIRECTIONAL_SEQUENCE_LSTM",
    "RNN": "control flow (WHILE)",
    "SimpleRNN": "control flow (WHILE)",
}
# Arguments without effect on the trained net, and those that may have one value alone.
_WITHOUT_EFFECT = ("name", "dtype", "trainable", "seed", "renorm_momentum")
_ONE_VALUE = {"data_format": "channels_last", "groups": 1}
_INITIALIZERS = tuple(
    f"{name}_initializer" for name in ("kernel", "bias", "depthwise", "pointwise")
)


def read_architecture(
    configuration: Mapping[str, Any],
    input_shape: Sequence[int],
    path: str | Path | None = None,
) -> Architecture:
    """Reads the layers of a model's configuration.

    Layers that Keras named are named anew, in their order, so that the same net has the same
    record. A layer of 1-D convolutions and the like gets its input without the width of 1.

    Args:
        configuration: What `json.loads(model.to_json())` gives for a functional or Sequential
            Keras 3 model. Its output is the logits, or `{"logits": ..., "embedding": ...}`; for
            logits alone, the embedding is what their layer reads.
        input_shape: `(steps, 1, channels)` of the run; the model's is this or `(steps, channels)`.
        path: The file it came from, for errors.

    Returns:
        The architecture.

    Raises:
        UserError: A layer or an argument that no board would run, which is named; another input;
            a layer that is called twice; a model within the model.
    """
    try:
        reader = _Reader(configuration, path)
    except (KeyError, IndexError, TypeError, AttributeError) as error:
        rule = "A saved Keras model must be functional or Sequential, as Keras 3 saves it"
        raise UserError(rule, f"{type(error).__name__}: {error}", path) from error
    return reader.architecture(list(input_shape))


class _Reader:
    def __init__(self, configuration: Mapping[str, Any], path: str | Path | None):
        self._path, inner = path, configuration["config"]
        kind = configuration["class_name"]
        entries = inner["layers"]
        if kind == "Sequential":
            names = [entry["config"]["name"] for entry in entries]
            sources = [[], *([name] for name in names[:-1])]
            self._outputs: Any = names[-1]
        elif kind in ("Functional", "Model"):
            names = [entry["name"] for entry in entries]
            sources = [self._calls(entry) for entry in entries]
            self._outputs = inner["output_layers"]
        else:
            raise self._refusal("An own student must be functional or Sequential", kind)
        inputs = [entry for entry in entries if entry["class_name"] == "InputLayer"]
        if len(inputs) != 1 or entries[0] is not inputs[0]:
            rule = "An own student needs one Input, (steps, channels) or (steps, 1, channels)"
            raise self._refusal(rule, f"{len(inputs)} Input layers")
        self._input_shape = list(inputs[0]["config"]["batch_shape"])[1:]
        kinds = [entry["class_name"] for entry in entries]
        self._renamed = _names(list(zip(kinds[1:], names[1:], strict=True)))
        self._renamed[names[0]] = STUDENT_INPUT
        self._layers = [
            self._layer(entry, name, read)
            for entry, name, read in zip(entries[1:], names[1:], sources[1:], strict=True)
        ]

    def _refusal(self, rule: str, received: object) -> UserError:
        return UserError(rule, received, self._path)

    def _calls(self, entry: Mapping[str, Any]) -> list[str]:
        """Returns the names of the layers that a layer of a functional model reads."""
        nodes = entry["inbound_nodes"]
        if not nodes:
            return []
        where = f"layer {entry['name']}"
        if len(nodes) > 1:
            raise self._refusal("A layer of an own student is called once", f"{where}, twice")
        tensors = list(_flat(nodes[0]["args"]))
        extra = [key for key, value in nodes[0]["kwargs"].items() if isinstance(value, Mapping)]
        if extra or any(not isinstance(one, Mapping) for one in tensors):
            raise self._refusal("A layer of an own student reads outputs of layers alone", where)
        return [one["config"]["keras_history"][0] for one in tensors]

    def _layer(
        self, entry: Mapping[str, Any], name: str, sources: Sequence[str]
    ) -> ArchitectureLayer:
        kind, where = entry["class_name"], f"{entry['class_name']} in the layer {name}"
        if kind in _RECURRENT:
            rule = (
                "A student on a board needs layers without a state between steps: TensorFlow Lite "
                f"makes {_RECURRENT[kind]} of it, which this version does not run in int8"
            )
            raise self._refusal(rule, where)
        if entry.get("module") != "keras.layers" or kind not in SUPPORTED_LAYERS:
            rule = "An own student is made of layers that TensorFlow Lite Micro runs in int8"
            raise self._refusal(f"{rule}: {', '.join(SUPPORTED_LAYERS)}", where)
        arguments: dict[str, Any] = {}
        for key, value in entry["config"].items():
            if key in _INITIALIZERS and key in SUPPORTED_LAYERS[kind]:
                arguments |= self._initializer(key, value, where)
            elif key == "activation":
                if value not in SUPPORTED_ACTIVATIONS:
                    rule = f"Activations of an own student are {', '.join(SUPPORTED_ACTIVATIONS)}"
                    raise self._refusal(f"{rule} (the last layer has none)", f"{value}, {where}")
                arguments[key] = value
            elif key in SUPPORTED_LAYERS[kind]:
                arguments[key] = value
            elif not (
                key in _WITHOUT_EFFECT
                or key.endswith("_initializer")
                or not value
                or _ONE_VALUE.get(key) == value
            ):
                raise self._refusal(f"An own student has no {key}", f"{value}, {where}")
        read = tuple(self._renamed[one] for one in sources)
        return ArchitectureLayer(kind, self._renamed[name], arguments, read)

    def _initializer(self, key: str, value: Any, where: str) -> dict[str, Any]:
        if value["module"] != "keras.initializers":
            raise self._refusal("Initialisers of an own student are Keras' own", where)
        arguments = {name: one for name, one in value["config"].items() if one is not None}
        usual: dict[str, dict[str, Any]] = {"GlorotUniform": {}, "Zeros": {}}
        if usual.get(value["class_name"]) == arguments:
            return {}
        return {key: [value["class_name"], arguments]}

    def architecture(self, input_shape: list[int]) -> Architecture:
        """Returns the layers behind an input of the run's shape."""
        steps, width, channels = input_shape
        layers = list(self._layers)
        if self._input_shape == [steps, channels]:
            first = ArchitectureLayer(
                "Reshape", "time_steps", {"target_shape": [steps, channels]}, (STUDENT_INPUT,)
            )
            layers = [first, *(_reads(one, STUDENT_INPUT, first.name) for one in layers)]
        elif self._input_shape != input_shape:
            rule = f"An own student reads ({steps}, {channels}) or ({steps}, {width}, {channels})"
            raise self._refusal(f"{rule}: the steps of --steps and the features", self._input_shape)
        outputs = self._outputs
        if isinstance(outputs, Mapping):
            if "logits" not in outputs:
                raise self._refusal("An own student's outputs hold logits", list(outputs))
            logits = self._output(outputs["logits"])
            embedding = self._output(outputs.get("embedding", outputs["logits"]))
        else:
            logits = embedding = self._output(outputs)
        if logits == embedding:
            last = next(one for one in layers if one.name == logits)
            embedding = last.sources[0] if last.kind == "Dense" else logits
        if embedding in (STUDENT_INPUT, "time_steps"):
            embedding = logits
        if logits != "logits" and all(one.name != "logits" for one in layers):
            layers = [_renamed(one, logits, "logits") for one in layers]
            embedding = "logits" if embedding == logits else embedding
            logits = "logits"
        return Architecture(tuple(layers), logits, embedding)

    def _output(self, output: Any) -> str:
        while isinstance(output, list) and output and isinstance(output[0], list):
            if len(output) > 1:
                rule = "An own student's output is the logits, or a dict of logits and embedding"
                raise self._refusal(rule, f"{len(output)} outputs")
            output = output[0]
        return self._renamed[output[0] if isinstance(output, list) else output]


def _flat(values: Any) -> Iterable[Any]:
    for value in values if isinstance(values, list) else [values]:
        if isinstance(value, list):
            yield from _flat(value)
        else:
            yield value


def _names(layers: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Names layers anew, by kind and name: by kind and a number those that Keras named."""
    renamed, taken = {}, set()
    for kind, name in layers:
        if not re.fullmatch(rf"{_snake_case(kind)}(_\d+)?", name):
            renamed[name] = name
            taken.add(name)
    for kind, name in layers:
        number = 1
        while name not in renamed:
            new = f"{_snake_case(kind)}_{number}"
            if new not in taken:
                renamed[name] = new
                taken.add(new)
            number += 1
    return renamed


def _snake_case(kind: str) -> str:
    """Names a layer's class as Keras does: `re_lu` of `ReLU`."""
    text = re.sub(r"\W+", "", kind)
    text = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", text)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", text).lower()


def _reads(layer: ArchitectureLayer, old: str, new: str) -> ArchitectureLayer:
    sources = tuple(new if one == old else one for one in layer.sources)
    return ArchitectureLayer(layer.kind, layer.name, layer.arguments, sources)


def _renamed(layer: ArchitectureLayer, old: str, new: str) -> ArchitectureLayer:
    name = new if layer.name == old else layer.name
    renamed = _reads(layer, old, new)
    return ArchitectureLayer(layer.kind, name, layer.arguments, renamed.sources)


def build_architecture(
    keras_module: ModuleType,
    architecture: Architecture,
    *,
    input_shape: tuple[int, int, int],
    num_classes: int,
) -> Any:
    """Builds an own student with fresh weights.

    Args:
        keras_module: `keras` or `tf_keras`; the layers' names and weights' order agree.
            Initialisers count in Keras 3 alone: a twin is given its weights.
        architecture: The layers.
        input_shape: `(steps, 1, channels)`.
        num_classes: Width that the logits must have.

    Returns:
        A functional model, input `accelerometer` `(batch, steps, 1, channels)` in g, outputs
        `{"logits": (batch, num_classes), "embedding": (batch, width)}`.

    Raises:
        UserError: The layers do not fit each other or the input, or the logits the classes.
    """
    layers = keras_module.layers
    fresh = keras_module.__name__ == "keras"
    tensors = {STUDENT_INPUT: layers.Input(input_shape, name=STUDENT_INPUT)}
    for one in architecture.layers:
        arguments = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in one.arguments.items()
            if name not in _INITIALIZERS
        }
        if one.kind not in SUPPORTED_LAYERS:  # in a record that someone wrote by hand
            raise UserError(f"A layer is one of {', '.join(SUPPORTED_LAYERS)}", one.kind)
        for name in set(_INITIALIZERS) & set(one.arguments) if fresh else ():
            kind, values = one.arguments[name]
            arguments[name] = keras_module.initializers.get({"class_name": kind, "config": values})
        read = [tensors[name] for name in one.sources]
        try:
            layer = getattr(layers, one.kind)(name=one.name, **arguments)
            tensors[one.name] = layer(read if len(read) > 1 else read[0])
        except (ValueError, TypeError) as error:
            rule = "Each layer of an own student must fit what it reads"
            first = str(error).strip().splitlines()[0]
            raise UserError(rule, f"{one.kind} in the layer {one.name}: {first}") from error
    outputs = {"logits": tensors[architecture.logits], "embedding": tensors[architecture.embedding]}
    for name, tensor in outputs.items():
        width = num_classes if name == "logits" else tensor.shape[-1]
        if tuple(tensor.shape[1:]) != (width,):
            wanted = f"(batch, {num_classes if name == 'logits' else 'width'})"
            received = f"{tuple(tensor.shape)} of the layer {getattr(architecture, name)}"
            raise UserError(f"An own student's {name} must be {wanted}", received)
    return keras_module.Model(tensors[STUDENT_INPUT], outputs, name=OWN_STUDENT)
