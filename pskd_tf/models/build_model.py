"""From a model's name to the built Keras 3 model."""

import keras

from data_prep.user_error import UserError
from pskd_tf.models.accelerometer_teacher import accelerometer_teacher
from pskd_tf.models.build_student import STUDENTS, build_student
from pskd_tf.models.fusion_teacher import fusion_teacher
from pskd_tf.models.skeleton_teacher import skeleton_teacher


def build_model(
    name: str,
    *,
    accelerometer_shape: tuple[int, int, int],
    skeleton_shape: tuple[int, int],
    num_classes: int,
) -> keras.Model:
    """Builds one of the models of the progressive chain, or a neighbour of the student.

    Args:
        name: `skeleton_teacher`, `fusion_teacher`, `accelerometer_teacher`,
            `accelerometer_student`, `ign_student` or `gmp_student`.
        accelerometer_shape: `(steps, 1, channels)`.
        skeleton_shape: `(frames, channels)`.
        num_classes: Width of the logits.

    Returns:
        The model; its inputs are named after the streams it reads.

    Raises:
        UserError: The name is none of these.
    """
    if name == "skeleton_teacher":
        return skeleton_teacher(input_shape=skeleton_shape, num_classes=num_classes)
    if name == "fusion_teacher":
        return fusion_teacher(
            skeleton_shape=skeleton_shape,
            accelerometer_shape=accelerometer_shape,
            num_classes=num_classes,
        )
    if name == "accelerometer_teacher":
        return accelerometer_teacher(input_shape=accelerometer_shape, num_classes=num_classes)
    if name in STUDENTS:
        return build_student(keras, name, input_shape=accelerometer_shape, num_classes=num_classes)
    raise UserError(
        "A model is one of skeleton_teacher, fusion_teacher, accelerometer_teacher, "
        f"{', '.join(STUDENTS)}",
        name,
    )
