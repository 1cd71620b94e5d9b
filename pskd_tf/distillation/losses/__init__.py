"""Distillation losses: pure functions of tensors, each with a thin Keras loss around it."""
