"""Own students as a user writes them: each road of docs/own_student.md."""

from pskd_tf import register_student


@register_student
def conv1d(keras, *, input_shape, num_classes):
    layers, (steps, _, channels) = keras.layers, input_shape
    return keras.Sequential(
        [
            layers.Input((steps, channels)),
            layers.Conv1D(16, 5, strides=2, padding="same", use_bias=False),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.Conv1D(24, 5, strides=2, activation="relu"),
            layers.Conv1D(24, 3, strides=2, activation="tanh"),
            layers.Flatten(),
            layers.Dropout(0.2),
            layers.Dense(num_classes),
        ]
    )


@register_student
def max_pool(keras, *, input_shape, num_classes):
    layers, (steps, _, channels) = keras.layers, input_shape
    return keras.Sequential(
        [
            layers.Input((steps, channels)),
            layers.Conv1D(16, 5, padding="same", activation="relu"),
            layers.MaxPooling1D(4),
            layers.Conv1D(24, 5, padding="same", activation="relu"),
            layers.MaxPooling1D(4),
            layers.Flatten(),
            layers.Dense(24, activation="tanh"),
            layers.Dense(num_classes),
        ]
    )


@register_student
def global_average(keras, *, input_shape, num_classes):
    layers, (steps, _, channels) = keras.layers, input_shape
    return keras.Sequential(
        [
            layers.Input((steps, channels)),
            layers.Conv1D(24, 7, strides=2, padding="same", activation="relu"),
            layers.DepthwiseConv1D(5, padding="same"),
            layers.Conv1D(32, 1, activation="relu"),
            layers.GlobalAveragePooling1D(),
            layers.Dense(num_classes),
        ]
    )


@register_student
def dilated(keras, *, input_shape, num_classes):
    layers, (steps, _, channels) = keras.layers, input_shape
    inputs = layers.Input((steps, channels))
    hidden = inputs
    for dilation in (1, 2, 4, 8):
        hidden = layers.Conv1D(16, 3, padding="causal", dilation_rate=dilation, activation="relu")(
            hidden
        )
    hidden = layers.GlobalAveragePooling1D()(hidden)
    return keras.Model(inputs, layers.Dense(num_classes)(hidden))


@register_student
def residual(keras, *, input_shape, num_classes):
    layers = keras.layers
    inputs = layers.Input(input_shape)
    hidden = layers.Conv2D(24, (7, 1), strides=(2, 1), padding="same", activation="relu")(inputs)
    for _ in range(2):
        before = hidden
        hidden = layers.Conv2D(24, (5, 1), padding="same", use_bias=False)(hidden)
        hidden = layers.BatchNormalization()(hidden)
        hidden = layers.ReLU()(layers.Add()([before, hidden]))
    embedding = layers.GlobalAveragePooling2D(name="features")(hidden)
    logits = layers.Dense(num_classes)(embedding)
    return keras.Model(inputs, {"logits": logits, "embedding": embedding})


@register_student
def lstm(keras, *, input_shape, num_classes):
    layers, (steps, _, channels) = keras.layers, input_shape
    return keras.Sequential(
        [layers.Input((steps, channels)), layers.LSTM(16), layers.Dense(num_classes)]
    )


@register_student
def gru(keras, *, input_shape, num_classes):
    layers, (steps, _, channels) = keras.layers, input_shape
    return keras.Sequential(
        [layers.Input((steps, channels)), layers.GRU(16, name="memory"), layers.Dense(num_classes)]
    )


@register_student
def branches(keras, *, input_shape, num_classes):
    """With operators that plain C does not know."""
    layers, (steps, _, channels) = keras.layers, input_shape
    inputs = layers.Input((steps, channels))
    hidden = layers.SeparableConv1D(12, 5, activation="relu6")(layers.ZeroPadding1D(2)(inputs))
    hidden = layers.SpatialDropout1D(0.1)(layers.AveragePooling1D(2)(hidden))
    left = layers.Activation("sigmoid")(layers.Conv1D(8, 3, padding="same")(hidden))
    hidden = layers.Concatenate()([left, hidden])
    return keras.Model(inputs, layers.Dense(num_classes)(layers.GlobalMaxPooling1D()(hidden)))


@register_student
def two_dimensions(keras, *, input_shape, num_classes):
    layers = keras.layers
    return keras.Sequential(
        [
            layers.Input(input_shape),
            layers.DepthwiseConv2D((5, 1), padding="same", activation="relu"),
            layers.Conv2D(12, (3, 1), dilation_rate=(2, 1), padding="same"),
            layers.MaxPooling2D((2, 1)),
            layers.AveragePooling2D((2, 1)),
            layers.Conv2D(16, (3, 1), activation="tanh"),
            layers.GlobalMaxPooling2D(keepdims=True),
            layers.Reshape((16,)),
            layers.Dense(num_classes),
        ]
    )
