"""Whom the student followed: over epochs and by class."""

from collections.abc import Mapping

import numpy as np

from pskd_tf.reporting.charts.share_chart import share_areas, share_rows
from pskd_tf.reporting.loaded_run import LoadedRun
from pskd_tf.reporting.markup.figure import figure
from pskd_tf.reporting.markup.legend import legend
from pskd_tf.reporting.markup.number_text import words
from pskd_tf.reporting.markup.panel import panel
from pskd_tf.reporting.palette import colour_of
from pskd_tf.reporting.section import Section, paragraph
from pskd_tf.reporting.sections.curves import training_group


def followed_section(
    run: LoadedRun, by_class: Mapping[str, Mapping[str, np.ndarray] | None]
) -> Section:
    """Draws what ACS selected.

    Args:
        run: The run.
        by_class: For each kind of teacher outputs what `followed_by_class` gives.

    Returns:
        The section.
    """
    targets = [*run.settings["teachers"], "ground_truth"]
    colours = {target: colour_of(target) for target in targets}
    over_epochs, over_classes = [], []
    for kind in run.settings["teacher_outputs"]:
        heading = f"{words(kind)} teachers"
        shares = _over_epochs(run, kind, targets)
        if shares is not None:
            chart = share_areas(shares, colours, f"Whom the student followed: {heading}")
            means = ", ".join(
                f"{words(name)} {100 * one.mean():.0f} %" for name, one in shares.items()
            )
            over_epochs.append(panel(heading, chart, f"mean over epochs: {means}"))
        if by_class.get(kind):
            chosen = _occurring(run, by_class[kind])
            chart = share_rows(*chosen, colours, f"Whom the student follows by class: {heading}")
            over_classes.append(panel(heading, chart))
    key = legend({words(name): colour for name, colour in colours.items()})
    body = [paragraph(_rule(run))]
    if not over_epochs:
        body.append(paragraph("This run's student follows no one: its loss selects nothing."))
    else:
        caption = (
            "How to read it: the height of a colour is the share of training samples that followed "
            "this target in an epoch; mean over seeds and folds."
        )
        body.append(figure(over_epochs, caption, key))
    if over_classes:
        caption = (
            "How to read it: one row is the training clips of one class; the colours as above. "
            "Computed when this report was written, from the first fold's student of the first "
            "seed and its teachers, on clips without random changes."
        )
        body.append(figure(over_classes, caption, key))
    return Section("followed", "Whom the student followed", "".join(body))


def _over_epochs(run: LoadedRun, kind: str, targets: list[str]) -> dict[str, np.ndarray] | None:
    columns = [f"followed_{target}" for target in targets]
    tables = [
        stage.history[columns].to_numpy()
        for stage in run.stages
        if stage.kind == "fit"
        and training_group(run, stage) == f"students/{kind}"
        and set(columns) <= set(stage.history.columns)
    ]
    if not tables:
        return None
    epochs = min(len(one) for one in tables)
    mean = np.mean([one[:epochs] for one in tables], axis=0)
    return dict(zip(targets, mean.T, strict=True))


def _occurring(
    run: LoadedRun, shares: Mapping[str, np.ndarray]
) -> tuple[list[str], dict[str, np.ndarray]]:
    kept = np.flatnonzero(~np.isnan(shares["ground_truth"]))
    names = [words(run.class_names[one], 24) for one in kept]
    return names, {target: values[kept] for target, values in shares.items()}


def _rule(run: LoadedRun) -> str:
    selection = run.settings["acs"]["selection"]
    how = {
        "hard": "each sample follows the most confident teacher that is right, besides the ground "
        "truth; the ground truth alone where none is right",
        "gap": "each sample follows the most confident teacher that is right, where it is surer "
        "of the truth than the student; else the ground truth alone",
        "soft": "each sample follows all teachers that are right, by their confidence, and the "
        "ground truth for the rest",
    }.get(selection, "")
    return (
        f"ACS, reconstructed from the paper's abstract, with the selection {selection!r}: {how}. "
        "Teachers that trained on a clip are nearly always right about it, so in-sample outputs "
        "leave little to select; cross-fitted ones come from teachers that never saw the subject."
    )
