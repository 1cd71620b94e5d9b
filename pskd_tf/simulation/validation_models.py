"""The int8 students of a validation run, each with the clips that it never saw."""

from dataclasses import dataclass
from pathlib import Path

from data_prep.prepared_set import PreparedSet
from data_prep.user_error import UserError
from data_prep.whole_file import whole_folder
from pskd_tf.evaluation.int8_interface import Int8Interface
from pskd_tf.export.model_settings_header import model_settings_header
from pskd_tf.export.plain_c.plain_model import plain_model
from pskd_tf.pipeline.plan_run import plan_run
from pskd_tf.pipeline.read_run_settings import read_run_settings
from pskd_tf.simulation.exported_model import ExportedModel


@dataclass(frozen=True)
class ValidationModel:
    """One fold.

    Attributes:
        model: Its first seed's int8 student as plain C; `test_clips` are those of the subject that
            was left out.
        subjects: Who was left out.
    """

    model: ExportedModel
    subjects: tuple[str, ...]


def validation_models(
    run_dir: str | Path, stages_dir: str | Path | None, prepared: PreparedSet, folder: str | Path
) -> list[ValidationModel]:
    """Writes the plain C of every fold.

    Args:
        run_dir: A finished run of protocol `validation`.
        stages_dir: Where its stages lie, if not in the run.
        prepared: The set it was made from.
        folder: Where to write; an older folder there is replaced.

    Returns:
        The folds, in the run's order.

    Raises:
        UserError: The run is of another protocol or data set, or its stages are not there.
    """
    run_dir = Path(run_dir)
    settings = read_run_settings(run_dir)
    if settings.protocol != "validation":
        rule = "What is chosen must be chosen on a run with --protocol=validation"
        raise UserError(rule, settings.protocol, run_dir)
    lengths = prepared.manifest.set_index("clip_id")["accelerometer_length"]
    rate_hz = prepared.description.streams["accelerometer"]["nominal_rate_hz"]
    names = prepared.description.class_names
    folds = []
    with whole_folder(folder) as temporary:
        for plan in plan_run(settings, prepared):
            stage = plan.compressed[settings.seeds[0]]
            source = stage.folder(Path(stages_dir or run_dir / "stages")) / "student_int8.tflite"
            if not source.is_file():
                rule = "A validation run's stages must be there (--stages_dir), of this version"
                raise UserError(rule, "no such file", source)
            tflite = source.read_bytes()
            train = lengths.loc[list(plan.split.train_clips)]
            texts = plain_model(tflite)
            limits = (int(train.min()), int(train.max()))
            interface = Int8Interface.read(tflite)
            # No interpreter runs here: the arena's size is none.
            texts["model_settings.h"] = model_settings_header(
                interface, settings.inputs, names, limits, 0, 0, rate_hz
            )
            inputs = settings.inputs
            name = f"without-{'-'.join(plan.split.test_subjects)}"
            (temporary / name).mkdir()
            for file, text in texts.items():
                (temporary / name / file).write_text(text, encoding="ascii", newline="\n")
            model = ExportedModel(
                Path(folder) / name,
                tuple(names),
                inputs.mode == "clip",
                0.0 if inputs.mode == "clip" else (inputs.steps - 1) / inputs.window_rate_hz,
                plan.split.test_clips,
            )
            folds.append(ValidationModel(model, plan.split.test_subjects))
    return folds
