"""Keras functional builders; each model returns `logits` and its semantic `embedding`."""
