"""How to get the same numbers again."""

import json
from html import escape

from data_prep.fingerprint import file_sha256
from pskd_tf.reporting.charts.amount_bars import amount_bars
from pskd_tf.reporting.flags_of_settings import flags_of_settings
from pskd_tf.reporting.loaded_run import LoadedRun
from pskd_tf.reporting.markup.element import element
from pskd_tf.reporting.markup.figure import figure
from pskd_tf.reporting.markup.table import table
from pskd_tf.reporting.palette import blend, colour_of
from pskd_tf.reporting.section import Section, paragraph
from pskd_tf.reporting.sections.curves import group_heading, training_group


def reproduce_section(run: LoadedRun) -> Section:
    """Writes the command, all settings, versions, hashes and times."""
    seconds: dict[str, float] = {}
    for stage in run.stages:
        group = "scores and cached outputs"
        if stage.kind in ("fit", "compress"):
            group = group_heading(training_group(run, stage))
        seconds[group] = seconds.get(group, 0.0) + float(
            run.metrics["wall_seconds"][stage.folder.name]
        )
    bars = [
        (group, value, blend(colour_of("int8"), 0.6))
        for group, value in sorted(seconds.items(), key=lambda one: -one[1])
    ]
    command = "python -m pskd_tf.train --flagfile=run.flags --run_dir=RUN"
    lines = "\n".join([*dataset_flags(run), *flags_of_settings(run.settings)])
    versions = {**run.prepared.description.made_by, **run.metrics["versions"]}
    versions.pop("seed", None)  # of generated data; it stands among the flags
    caption = (
        "How to read it: seconds of work, summed over trainings, on the machine of this run; "
        "stages taken from a shared cache count with the time they once took."
    )
    body = [
        paragraph("With the lines below saved as run.flags:"),
        _code(command),
        _details("run.flags: every setting of this run", lines),
        _details("settings.json", json.dumps(run.settings, indent=1)),
        table(
            ["Package", "Version"],
            [[name, str(value)] for name, value in versions.items()],
            kind="text",
        ),
        table(
            ["What", "SHA-256"], [[name, value] for name, value in hashes(run).items()], kind="code"
        ),
        paragraph(
            "The same settings, versions and data give the same bytes on the same kind of machine; "
            "another processor may sum in another order. Cite with any number: "
            + run.prepared.description.citation,
            "remark",
        ),
        figure([amount_bars(bars, "Seconds of each group of stages", "s")], caption, flow="single"),
    ]
    return Section("reproduce", "How to reproduce", "".join(body))


def dataset_flags(run: LoadedRun) -> list[str]:
    """Returns the flags that name the data set; DIR stands for the folder of its raw files."""
    description = run.prepared.description
    found = [f"--dataset={description.name}"]
    if not description.is_synthetic and description.name != "custom":
        found.append("--raw_dir=DIR")
    for name, value in description.options.items():
        if name == "seed":
            found.append(f"--data_seed={value}")
        elif isinstance(value, str | int | float) and not isinstance(value, bool):
            found.append(f"--{name}={value}")
    return found


def hashes(run: LoadedRun) -> dict[str, str]:
    """Returns what identifies a run: its data, splits, settings and model."""
    found = {f"raw data, {name}": value for name, value in run.prepared.description.sources.items()}
    found["prepared set"] = run.prepared.fingerprint
    for key, name in (("splits_sha256", "splits"), ("run_key", "run (settings and stages)")):
        if key in run.metrics:
            found[name] = run.metrics[key]
    found["student_int8.tflite"] = file_sha256(run.run_dir / "export" / "student_int8.tflite")
    return found


def _code(text: str) -> str:
    return element("pre", element("code", escape(text)))


def _details(title: str, text: str) -> str:
    return element("details", element("summary", escape(title)), _code(text))
