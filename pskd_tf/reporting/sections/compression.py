"""What pruning and int8 cost and save."""

import gzip

from pskd_tf.reporting.charts.amount_bars import amount_bars
from pskd_tf.reporting.charts.seed_dots import DotRow, seed_dots
from pskd_tf.reporting.loaded_run import LoadedRun
from pskd_tf.reporting.markup.figure import figure
from pskd_tf.reporting.markup.number_text import percent, words
from pskd_tf.reporting.markup.table import table
from pskd_tf.reporting.palette import blend, colour_of
from pskd_tf.reporting.section import Section
from pskd_tf.reporting.sections.compression_search import compression_search


def compression_section(run: LoadedRun) -> Section:
    """Writes the sizes, the accuracy of each form, and what `pskd_tf.compress` left, if it ran."""
    metrics, model = run.metrics, run.metrics["model"]
    tflite = (run.run_dir / "export" / "student_int8.tflite").read_bytes()
    forms = {"float": "float32", "pruned": "pruned, float32", "int8": "int8, on the board"}
    rows = [
        [label, *(percent(metrics["student"][form][name]) for name in _SCORES)]
        for form, label in forms.items()
    ]
    sizes = [
        ["parameters", f"{model['parameters']:,}"],
        ["multiply-accumulates of an inference", f"{model['macs']:,}"],
        *[
            [f"zeros in kernels: {words(name)}", f"{100 * share:.0f} %"]
            for name, share in model["sparsity"].items()
        ],
        ["flash: int8 flatbuffer", f"{model['flatbuffer_bytes']:,} bytes"],
        ["the same, gzip", f"{_gzip_bytes(tflite):,} bytes"],
        ["arena: TensorFlow Lite Micro on 64 bit", f"{model['arena_bytes']:,} bytes"],
        ["arena reserved by the export", f"{run.export['arena_bytes']:,} bytes"],
    ]
    bars = [
        ("weights in float32", 4.0 * model["parameters"], blend(colour_of("baseline"), 0.6)),
        ("int8 flatbuffer (flash)", float(model["flatbuffer_bytes"]), colour_of("int8")),
        ("the same, gzip", float(_gzip_bytes(tflite)), blend(colour_of("int8"), 0.55)),
        ("arena (RAM)", float(model["arena_bytes"]), colour_of("students/cross_fitted")),
    ]
    dots = [
        DotRow(
            label,
            [100 * value for value in metrics["student"][form]["accuracy"]["values"]],
            colour_of({"float": f"students/{run.first_kind}"}.get(form, form)),
        )
        for form, label in forms.items()
    ]
    caption = (
        "How to read it: first, sizes on one scale; gzip shows that zeros compress, though a board "
        "stores the flatbuffer as it is. Then accuracy of the same students before and after: one "
        "dot is one seed, the upright line the mean."
    )
    charts = [
        amount_bars(bars, "Sizes of the student in bytes"),
        seed_dots(dots, "Accuracy of each form of the student", "accuracy on held-out clips, %"),
    ]
    body = [
        table(["Form", "Accuracy %", "Macro F1 %", "Wrist actions %"], rows),
        table(["Exported student (first seed)", "Value"], sizes),
        figure(charts, caption, flow="single"),
    ]
    if run.compression is not None:
        body.append(compression_search(run.compression))
    return Section("compression", "Compression", "".join(body))


def _gzip_bytes(content: bytes) -> int:
    return len(gzip.compress(content, 9, mtime=0))


_SCORES = ("accuracy", "macro_f1", "wrist_actions_accuracy")
