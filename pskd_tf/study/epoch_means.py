"""Columns of the students' histories, averaged over seeds and folds."""

from collections.abc import Sequence

import numpy as np

from pskd_tf.reporting.loaded_run import LoadedRun
from pskd_tf.reporting.sections.curves import training_group


def epoch_means(run: LoadedRun, kind: str, columns: Sequence[str]) -> dict[str, np.ndarray]:
    """Averages what the trainings of a run's students recorded of each epoch.

    Args:
        run: The run.
        kind: Kind of the teachers' outputs.
        columns: Columns of `history.csv`.

    Returns:
        For each of the columns that every such history has its mean, `(epochs,)`.
    """
    tables = [
        stage.history
        for stage in run.stages
        if stage.kind == "fit" and training_group(run, stage) == f"students/{kind}"
    ]
    kept = [one for one in columns if tables and all(one in table for table in tables)]
    epochs = min((len(table) for table in tables), default=0)
    return {one: np.mean([table[one][:epochs] for table in tables], axis=0) for one in kept}
