"""Whether a user's model can take part in a distillation."""

from collections.abc import Mapping

import keras


def check_model(
    role: str, model: keras.Model, *, reads_embedding: bool, num_classes: int | None = None
) -> int:
    """Refuses a model that the distiller could not call, naming which one it is.

    Args:
        role: How errors name the model ("teacher model body").
        model: A functional or Sequential model. Its `Input` layers are named after streams; its
            output is `{"logits": (batch, classes), "embedding": (batch, width)}`, or the logits
            alone where no embedding is read.
        reads_embedding: Whether the model's embedding is read.
        num_classes: Width that its logits must have; None: any.

    Returns:
        The width of its logits.

    Raises:
        ValueError: A rule above is broken.
    """
    if not getattr(model, "inputs", None):
        raise ValueError(
            f"In {role}: a model must be functional, or Sequential with an Input, with Input "
            f"layers named after streams. Received: {type(model).__name__}"
        )
    # A Sequential has no `output` of its own.
    output = model.outputs[0] if isinstance(model, keras.Sequential) else model.output
    wanted = ["logits", "embedding"] if reads_embedding else ["logits"]
    if isinstance(output, Mapping):
        missing = [key for key in wanted if key not in output]
        if missing:
            raise ValueError(f"In {role}: outputs must hold {wanted}. Received: {list(output)}")
        output = output["logits"]
    elif reads_embedding or isinstance(output, (list, tuple)):
        raise ValueError(
            f"In {role}: outputs must be a dict with {wanted}. Received: {type(output).__name__}"
        )
    width = output.shape[-1]
    if len(output.shape) != 2 or num_classes not in (None, width):
        classes = "classes" if num_classes is None else f"{num_classes} classes"
        raise ValueError(f"In {role}: logits must be (batch, {classes}). Received: {output.shape}")
    return width
