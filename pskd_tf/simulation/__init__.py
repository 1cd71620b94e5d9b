"""A recording through the compiled C core: what a board would have said, and when."""
