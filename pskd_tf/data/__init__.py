"""From prepared clips to a model's batches: one preprocessing, its augmentation, its streams."""
