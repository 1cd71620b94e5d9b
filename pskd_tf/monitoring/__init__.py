"""What a board says over its serial line, read on the host."""
