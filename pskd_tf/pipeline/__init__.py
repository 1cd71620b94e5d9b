"""The run as a whole: declared stages, each cached and resumable, and their results."""
