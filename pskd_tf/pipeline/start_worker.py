"""How a worker process of a pool begins."""

from data_prep.end_with_parent import end_with_parent
from pskd_tf.pipeline.start_tensorflow import start_tensorflow


def start_worker() -> None:
    """Ties the worker to its parent and starts TensorFlow; the initializer of a pool."""
    end_with_parent()
    start_tensorflow()
