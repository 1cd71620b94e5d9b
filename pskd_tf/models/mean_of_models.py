"""Several models of the same kind as one teacher."""

from collections.abc import Sequence

import keras


def mean_of_models(models: Sequence[keras.Model], name: str) -> keras.Model:
    """Builds a model whose logits are the mean of the given models' logits.

    The mean of logits is, up to a constant, the log of the geometric mean of the probabilities.
    Embeddings of different nets cannot be averaged, so the embedding is the first model's.

    Args:
        models: Models with the same named inputs and outputs
            `{"logits": (batch, classes), "embedding": (batch, width)}`; a single one is returned
            as it is.
        name: Name of the new model.

    Returns:
        A functional model with the inputs and outputs of the first one. Source: averaging an
        ensemble's outputs for its student, Hinton et al. 2015.
    """
    if len(models) == 1:
        return models[0]
    inputs = {
        tensor.name: keras.layers.Input(tensor.shape[1:], name=tensor.name)
        for tensor in models[0].inputs
    }
    chosen = inputs if len(inputs) > 1 else next(iter(inputs.values()))
    # The same weights under a name of its own: a model may not hold two layers of one name.
    named = [
        keras.Model(model.input, model.output, name=f"{name}_{number}")
        for number, model in enumerate(models, start=1)
    ]
    outputs = [model(chosen) for model in named]
    logits = keras.layers.Average(name="logits")([one["logits"] for one in outputs])
    return keras.Model(chosen, {"logits": logits, "embedding": outputs[0]["embedding"]}, name=name)
