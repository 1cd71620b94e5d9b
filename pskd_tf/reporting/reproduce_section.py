"""The section that lets a reader repeat a run: flags, settings, versions, hashes, times."""

import json
from dataclasses import dataclass

import pskd_tf
from data_prep.commands import packaged_file
from data_prep.flags import flags_of
from pskd_tf.method import METHODS_FILE, read_methods
from pskd_tf.reporting.charts import Chart, colour_of
from pskd_tf.reporting.score_charts import amount_bars
from pskd_tf.reporting.scored_models import group_heading, training_group
from pskd_tf.reporting.tables import Table
from pskd_tf.run import Run


@dataclass(frozen=True)
class Reproduction:
    """The section.

    Attributes:
        flags: The flagfile.
        settings: The content of `settings.json`.
        versions: Version of each package.
        hashes: What identifies data, splits, run and model.
        citation: The data set's source.
        seconds: Work of each group of stages.
    """

    flags: str
    settings: str
    versions: Table
    hashes: Table
    citation: str
    seconds: Chart


def reproduce_section(run: Run) -> Reproduction:
    """Collects all settings, versions, hashes and times."""
    seconds: dict[str, float] = {}
    for stage in run.stages:
        group = "scores and cached outputs"
        if stage.kind in ("fit", "compress"):
            group = group_heading(training_group(run, stage), run)
        seconds[group] = seconds.get(group, 0.0) + float(
            run.metrics["wall_seconds"][stage.folder.name]
        )
    bars = [
        (group, value, colour_of("baseline"))
        for group, value in sorted(seconds.items(), key=lambda one: -one[1])
    ]
    versions = {**run.prepared.description.made_by, **run.metrics["versions"]}
    versions.pop("seed", None)  # of generated data; it stands among the flags
    settings = run.settings.to_json()
    return Reproduction(
        flags="\n".join([*dataset_flags(run), *flags_of(run.settings), *method_flags(run)]),
        settings=json.dumps(settings, indent=1),
        versions=Table(
            ["Package", "Version"],
            [[name, str(value)] for name, value in versions.items()],
            kind="text",
        ),
        hashes=Table(
            ["What", "SHA-256"], [[name, value] for name, value in hashes(run).items()], kind="code"
        ),
        citation=run.prepared.description.citation,
        seconds=amount_bars(bars, "Seconds of each group of stages", "s"),
    )


def dataset_flags(run: Run) -> list[str]:
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


def method_flags(run: Run) -> list[str]:
    """Returns the flags that name the run's method; FILE stands for a file of one's own."""
    method = run.settings.method
    if method is None:
        return []
    shipped = read_methods(packaged_file(METHODS_FILE, pskd_tf.__file__))
    for one in shipped:
        for trial in range(len(one.trials)):
            if one.with_trial(trial) == method:
                return [f"--method={method.name}", f"--trial={trial}"]
    return [f"--method={method.name}", "--methods_file=FILE"]


def hashes(run: Run) -> dict[str, str]:
    """Returns what identifies a run: its data, splits, settings and model."""
    found = {f"raw data, {name}": value for name, value in run.prepared.description.sources.items()}
    found["prepared set"] = run.prepared.fingerprint
    for key, name in (("splits_sha256", "splits"), ("run_key", "run (settings and stages)")):
        if key in run.metrics:
            found[name] = run.metrics[key]
    found["student_int8.tflite"] = run.export.manifest.files["student_int8.tflite"]
    return found
