"""A run's context that shows progress where there is no terminal for a bar."""

import sys

from pskd_tf.pipeline.run_context import RunContext


class SpokenContext(RunContext):
    """Repeats each line of the log on standard error, unless that is a terminal.

    Workers write whole lines, so lines of parallel stages never mix.
    """

    def log(self, message: str) -> None:
        """Appends one line to the run's log and shows it."""
        super().log(message)
        if not sys.stderr.isatty():
            print(message, file=sys.stderr, flush=True)
