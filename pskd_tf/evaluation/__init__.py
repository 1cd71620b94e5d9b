"""How good a model is, and what the same model gives on TensorFlow Lite Micro."""
