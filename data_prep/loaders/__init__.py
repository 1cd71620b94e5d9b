"""One module per data set, each behind the same small interface."""
