"""The report of a run that was finished before there were reports, or whose report was removed."""

from pathlib import Path

from data_prep.user_error import UserError
from pskd_tf.pipeline.run_context import RunContext
from pskd_tf.pipeline.start_tensorflow import start_tensorflow


def write_missing_report(context: RunContext) -> Path | None:
    """Writes a finished run's report where there is none.

    A run whose stages were removed is still shown: what is missing goes to its log.

    Args:
        context: The run's folders.

    Returns:
        The report's path, or None where it is there already or cannot be made.
    """
    if (context.run_dir / "report.html").exists():
        return None
    start_tensorflow()
    # Imported here, because it imports TensorFlow, which was not started before.
    from pskd_tf.reporting.write_report import write_report

    try:
        return write_report(context.run_dir, context.stages_dir, context.prepared_dir)
    except UserError as error:
        context.log(f"no report: {error}")
        return None
