"""A run's report.html and model_card.md."""

from pathlib import Path

from data_prep.whole_file import whole_file
from pskd_tf.reporting.loaded_run import LoadedRun
from pskd_tf.reporting.model_card import model_card
from pskd_tf.reporting.page import page
from pskd_tf.reporting.replay.embedding_maps import embedding_maps
from pskd_tf.reporting.replay.followed_by_class import followed_by_class
from pskd_tf.reporting.sections.by_group import by_group_section
from pskd_tf.reporting.sections.clips import clips_section
from pskd_tf.reporting.sections.compression import compression_section
from pskd_tf.reporting.sections.confusion import confusion_section
from pskd_tf.reporting.sections.curves import curves_section
from pskd_tf.reporting.sections.embeddings import embeddings_section
from pskd_tf.reporting.sections.followed import followed_section
from pskd_tf.reporting.sections.numbers import numbers_section
from pskd_tf.reporting.sections.reliability import reliability_section
from pskd_tf.reporting.sections.reproduce import reproduce_section
from pskd_tf.reporting.sections.summary import summary_header


def write_report(
    run_dir: str | Path,
    stages_dir: str | Path | None = None,
    prepared_dir: str | Path | None = None,
) -> Path:
    """Writes `RUN/report.html`, one file that needs no network, and `RUN/model_card.md`.

    The same run gives the same bytes. Call `start_tensorflow` before this module is imported.

    Args:
        run_dir: Folder of a finished run.
        stages_dir: Where its stages lie; `run_dir/stages` if None.
        prepared_dir: Where its prepared set lies; `run_dir/prepared` if None.

    Returns:
        The report's path.

    Raises:
        UserError: The run is not finished, or its stages or prepared set are not there.
    """
    run = LoadedRun.load(run_dir, stages_dir, prepared_dir)
    kinds = run.settings["teacher_outputs"]
    followed = {kind: followed_by_class(run, kind) for kind in kinds}
    sections = [
        numbers_section(run),
        curves_section(run),
        confusion_section(run),
        by_group_section(run),
        followed_section(run, followed),
        reliability_section(run),
        compression_section(run),
        embeddings_section(run, embedding_maps(run)),
        clips_section(run),
        reproduce_section(run),
    ]
    title = f"{run.prepared.description.title}, {run.metrics['protocol']}: report"
    with whole_file(run.run_dir / "model_card.md") as temporary:
        temporary.write_text(model_card(run), encoding="utf-8")
    path = run.run_dir / "report.html"
    with whole_file(path) as temporary:
        temporary.write_text(page(title, summary_header(run), sections), encoding="utf-8")
    return path
