"""Fine-tunes the last layer of a run's student for one wearer, and exports it again.

python -m pskd_tf.personalise --run_dir=RUN --csv=FILE --labels=FILE --out=DIR
python -m pskd_tf.personalise --run_dir=RUN --csv=A.csv,B.csv --labels=A1.csv,B1.csv --out=DIR

The recordings hold one to five repetitions of each class, or of some, by the person who will wear
the device. DIR/export is a complete export, of which only the last layer differs from that of the
run; DIR is a --run_dir for pskd_tf.simulate --csv and pskd_tf.export.
"""

from dataclasses import dataclass
from pathlib import Path

from data_prep.commands import print_result, run_command
from data_prep.errors import UserError
from data_prep.settings import REQUIRED, part, setting
from pskd_tf.arguments import StagesArguments
from pskd_tf.distillation.head import HeadSettings
from pskd_tf.processes import start_tensorflow
from pskd_tf.run import Run


@dataclass(frozen=True)
class PersonaliseArguments(StagesArguments):
    """The wearer's recordings and the new export."""

    csv: tuple[Path, ...] = setting((), "Recordings: time_seconds,x,y,z with header, in g.")
    labels: tuple[Path, ...] = setting((), "Labels of each recording: start,end,label with header.")
    out: Path = setting(REQUIRED, "Folder for the new export, new or empty.")
    head: HeadSettings = part(HeadSettings, "head")


def main(arguments: PersonaliseArguments) -> None:
    """Reads the recordings, fine-tunes, exports and says what was recorded."""
    csv, labels, out = arguments.csv, arguments.labels, arguments.out
    if not csv or len(csv) != len(labels):
        rule = "--csv and --labels name as many files, at least one"
        raise UserError(rule, f"{len(csv)} and {len(labels)}")
    run = Run.load(arguments.run_dir, arguments.stages, arguments.prepared)
    if run.settings.inputs.has_gyroscope:
        rule = "personalise takes recordings of an accelerometer alone (--sensors=accelerometer)"
        raise UserError(rule, ",".join(run.settings.inputs.sensors), arguments.run_dir)
    start_tensorflow()
    from pskd_tf.runs.personalise import OwnRecording, check_out, personalise

    recordings = [OwnRecording(*pair) for pair in zip(csv, labels, strict=True)]
    check_out(out)
    if arguments.dry_run:
        print(f"would fine-tune the last layer on {len(csv)} recordings")
        print(f"would write the export: {out / 'export'}")
        return
    made = personalise(run, recordings, out, arguments.head)
    classes = made.manifest.class_names[: made.manifest.null_class]
    print(f"{sum(made.repetitions.values())} repetitions of {len(made.repetitions)} classes")
    missing = [name for name in classes if name not in made.repetitions]
    if missing:
        print(f"without a repetition, from the run's training data alone: {', '.join(missing)}")
    if made.cuts is not None:
        uncut = [name for name in made.repetitions if not made.cuts.get(name)]
        print(f"the segment detector cut them {sum(made.cuts.values())} times")
        if uncut:
            print(f"never cut, so only their labelled spans are learned: {', '.join(uncut)}")
    print_result(
        out, "python", "-m", "pskd_tf.export", f"--run_dir={out}", "--target=arduino", "--out=DIR"
    )


if __name__ == "__main__":
    run_command(main, PersonaliseArguments)
