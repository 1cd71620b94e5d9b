"""How each stage was trained."""

from pskd_tf.reporting.charts.history_chart import history_chart
from pskd_tf.reporting.loaded_run import LoadedRun
from pskd_tf.reporting.markup.figure import figure
from pskd_tf.reporting.markup.number_text import words
from pskd_tf.reporting.markup.panel import panel
from pskd_tf.reporting.palette import colour_of
from pskd_tf.reporting.section import Section
from pskd_tf.reporting.stage_record import StageRecord


def curves_section(run: LoadedRun) -> Section:
    """Draws loss and accuracy of every training, grouped by what was trained."""
    groups: dict[str, list[StageRecord]] = {}
    for stage in run.stages:
        if {"loss", "accuracy"} <= set(stage.history.columns):
            groups.setdefault(training_group(run, stage), []).append(stage)
    panels = []
    for name, stages in sorted(groups.items(), key=lambda one: _place(one[0])):
        heading = group_heading(name)
        chart = history_chart(
            [stage.history for stage in stages], colour_of(name), f"Training of {heading}"
        )
        panels.append(panel(heading, chart, _count(stages)))
    caption = (
        "How to read it: one thin line is one training (a seed, a fold, or a subject left out for "
        "cross-fitting), the thick one their mean. All of it is training clips, changed at random; "
        "where mixup blends two recordings, accuracy stays below what the model can do. Held-out "
        "clips are scored once, after the last epoch, and choose nothing."
    )
    return Section("curves", "Training", figure(panels, caption))


def training_group(run: LoadedRun, stage: StageRecord) -> str:
    """Returns which model a training belongs to, as `ScoredModel.name` has it."""
    if stage.kind == "compress":
        return "pruned"
    model = stage.settings["model"]
    if model in run.metrics["teachers"]:
        return f"teachers/{model}"
    if not stage.inputs:
        return "baseline"
    if "teacher_outputs" in stage.inputs:
        source = run.stage(stage.inputs["teacher_outputs"])
        return f"students/{source.settings['teacher_outputs']}"
    return f"students/{stage.settings.get('teacher_outputs', 'live')}"


def group_heading(name: str) -> str:
    """Returns what a group of trainings is called."""
    group, _, own = name.partition("/")
    if group == "students":
        return f"student, {words(own)} teachers"
    return _HEADINGS.get(name, words(own or group))


_HEADINGS = {
    "baseline": "student, cross-entropy alone",
    "pruned": "pruning of the shipped student",
}


def _place(name: str) -> int:
    for place, start in enumerate(("teachers", "baseline", "students", "pruned")):
        if name.startswith(start):
            return place
    return 9


def _count(stages: list[StageRecord]) -> str:
    epochs = sorted({len(stage.history) for stage in stages})
    trainings = f"{len(stages)} trainings" if len(stages) > 1 else "1 training"
    return f"{trainings} of {', '.join(map(str, epochs))} epochs"
