"""Scores a run's exported student again and compares it with the run's own figures.

The int8 model runs in the TensorFlow Lite Micro interpreter; the float and the pruned student run
in Keras, where the run's stages are at hand. Only the clips that the run held out are scored.

Examples:
    python -m pskd_tf.evaluate --run_dir=RUN
    python -m pskd_tf.evaluate --run_dir=RUN --prepared_dir=DIR --stages_dir=DIR

Exit status: 0 if every figure is that of metrics.json, 1 if one is not, 2 for a mistake that the
user can mend (one line says which), 130 if interrupted.
"""

import sys
from collections.abc import Callable

import numpy as np
from tqdm import tqdm

from data_prep.commands import print_result, run_command
from data_prep.errors import UserError
from pskd_tf.arguments import StagesArguments
from pskd_tf.data.clips import PairedClips
from pskd_tf.processes import start_tensorflow
from pskd_tf.run import SCORES, Run

_TITLES = {
    "float": "student (Keras)",
    "pruned": "  pruned (Keras)",
    "int8": "  int8, TensorFlow Lite Micro",
}
_CLIPS_AT_A_TIME = 64


def main(arguments: StagesArguments) -> None:
    """Reads the run, scores its student and prints the table."""
    run = Run.load(arguments.run_dir, arguments.stages_dir, arguments.prepared_dir)
    metrics, export, tflite = run.metrics, run.export, run.export.tflite
    prepared = run.prepared
    if prepared.fingerprint != export.dataset_fingerprint:
        raise UserError("The prepared set must be the run's", "another one", prepared.folder)
    stages, made_from = run.exported_stages, export.made_from
    print(
        f"{metrics['dataset']}, {metrics['protocol']}: {len(export.test_clips)} clips of "
        f"subjects {', '.join(made_from.test_subjects)}, seed {made_from.seed}"
    )
    if not stages:
        print("the run's stages are not at hand (--stages_dir): the int8 model alone is scored")
    if arguments.dry_run:
        print(f"would score: {', '.join([*stages, 'int8'])}")
        return
    start_tensorflow()
    clips = PairedClips.load_clips(prepared, export.test_clips)
    print(f"{'':32}{'accuracy %':>12}{'macro F1 %':>12}{'wrist actions %':>17}  metrics.json")
    forms = {name: _keras_logits(run, name, clips) for name in stages}
    forms["int8"] = _int8_logits(tflite, export.manifest.null_class)
    differing = [
        name for name, logits_of in forms.items() if not _score(run, name, logits_of, clips)
    ]
    print_result(
        run.run_dir / "metrics.json",
        *("python", "-m", "pskd_tf.export", f"--run_dir={run.run_dir}"),
        *("--target=arduino", "--out=DIR"),
    )
    if differing:
        sys.exit(1)


def _score(
    run: Run, form: str, logits_of: Callable[[np.ndarray], np.ndarray], clips: PairedClips
) -> bool:
    # Imported here, because it imports TensorFlow, which was not started before.
    from pskd_tf.evaluation.scores import score_clips

    scores = score_clips(logits_of, clips, run.export.manifest.inputs)
    recorded = run.recorded_scores(form)
    cells = [f"{100 * scores[name]:.1f}" for name in SCORES]
    verdict = "the same" if scores == recorded else f"differs: {recorded}"
    if recorded is None:
        verdict = "pools several folds"
    print(f"{_TITLES[form]:32}{cells[0]:>12}{cells[1]:>12}{cells[2]:>17}  {verdict}")
    return recorded is None or scores == recorded


def _keras_logits(run: Run, form: str, clips: PairedClips) -> Callable[[np.ndarray], np.ndarray]:
    from pskd_tf.models.registry import build_model, model_outputs
    from pskd_tf.pipeline.specs import FitSpec
    from pskd_tf.pipeline.stage import load_weights

    inputs = run.export.manifest.inputs
    spec = run.exported_stages["float"].spec(FitSpec)
    model = build_model(
        spec.model,
        accelerometer_shape=inputs.accelerometer_shape,
        skeleton_shape=(inputs.skeleton_frames, clips.skeleton_channels),
        num_classes=len(run.export.manifest.class_names),
        architecture=spec.architecture,
    )
    model.set_weights(load_weights(run.exported_stages[form].folder / "weights.npz"))
    null_class = run.export.manifest.null_class
    return lambda views: model_outputs(model, {"accelerometer": views})["logits"][:, :null_class]


def _int8_logits(tflite: bytes, null_class: int | None) -> Callable[[np.ndarray], np.ndarray]:
    from pskd_tf.evaluation.tflm import Int8Interface, quantise_input, tflm_logits

    interface = Int8Interface.read(tflite)

    def logits_of(views: np.ndarray) -> np.ndarray:
        quantised = quantise_input(views, interface.input_scale, interface.input_zero_point)
        starts = range(0, len(quantised), _CLIPS_AT_A_TIME)
        bar = tqdm(starts, unit="batch", disable=not sys.stderr.isatty())
        parts = [tflm_logits(tflite, quantised[at : at + _CLIPS_AT_A_TIME])[1] for at in bar]
        return np.concatenate(parts)[:, :null_class]

    return logits_of


if __name__ == "__main__":
    run_command(main, StagesArguments)
