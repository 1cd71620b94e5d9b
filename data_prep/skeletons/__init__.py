"""Joint layouts and poses."""
