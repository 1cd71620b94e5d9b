"""From a finished cell's stages to its line in the results."""

import numpy as np

from pskd_tf.benchmark.cell import Cell
from pskd_tf.benchmark.cell_record import CellRecord, guesses_text
from pskd_tf.pipeline.run_context import RunContext


def record_cell(cell: Cell, configuration: str, context: RunContext) -> CellRecord:
    """Reads what a cell's stages wrote.

    Args:
        cell: A finished cell.
        configuration: Hash of recipe, method and trial.
        context: Where results lie.

    Returns:
        The line.
    """
    scores, fitted = context.result(cell.stage), context.result(cell.fit)
    with np.load(context.folder(cell.stage) / "predictions.npz", allow_pickle=False) as arrays:
        predicted = arrays["probabilities"].argmax(axis=1)
    return CellRecord(
        cell=cell.key,
        configuration=configuration,
        method=cell.method,
        trial=cell.trial,
        teacher_outputs=cell.teacher_outputs,
        protocol=cell.protocol,
        held_out="|".join(cell.held_out),
        teacher_seed=cell.teacher_seed,
        student_seed=cell.student_seed,
        parameters=fitted.get("parameters", 0),
        seconds=round(fitted["wall_seconds"], 1),
        accuracy=round(scores["accuracy"], 6),
        macro_f1=round(scores["macro_f1"], 6),
        wrist_actions_accuracy=round(scores["wrist_actions_accuracy"], 6),
        guesses=guesses_text(predicted),
    )
