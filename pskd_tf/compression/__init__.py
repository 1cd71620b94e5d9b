"""From a trained Keras 3 student to an int8 flatbuffer: its tf_keras twin, pruning, conversion."""
