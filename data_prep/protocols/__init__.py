"""Which clips train and which test, as data."""
