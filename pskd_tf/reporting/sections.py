"""The sections of the report."""

import gzip
import json
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np
from sklearn.metrics import confusion_matrix

from data_prep.files import file_sha256
from pskd_tf.reporting.charts import (
    AXIS_COLOURS,
    RIGHT,
    WRONG,
    BarRow,
    CostDot,
    DotRow,
    amount_bars,
    bar_rows,
    blend,
    clip_chart,
    colour_of,
    confusion_chart,
    cost_chart,
    history_chart,
    map_chart,
    numbered_colour,
    reliability_chart,
    seed_dots,
    share_areas,
    share_rows,
)
from pskd_tf.reporting.markup import (
    Section,
    element,
    figure,
    legend,
    paired_text,
    panel,
    paragraph,
    percent,
    table,
    words,
)
from pskd_tf.reporting.replay import EmbeddingMap
from pskd_tf.reporting.scored_models import ScoredModel, scored_models
from pskd_tf.run import LoadedRun, Predictions, StageRecord
from pskd_tf.settings import flags_of_settings


def summary_sentence(run: LoadedRun) -> str:
    """Returns what came out of a run as one or two sentences of plain text."""
    metrics = run.metrics
    int8 = metrics["student"]["int8"]
    seeds = len(metrics["seeds"])
    over = f"mean and standard deviation of n = {seeds} seeds" if seeds > 1 else "one seed, n = 1"
    gain = paired_text(metrics["paired_difference"]["values"])
    model = metrics["model"]
    return (
        f"On held-out clips of {run.prepared.description.title}, the int8 student that reads only "
        f"the accelerometer is right on {percent(int8['accuracy'])} % ({over}; macro F1 "
        f"{percent(int8['macro_f1'])} %). It takes {model['flatbuffer_bytes']:,} bytes of flash, "
        f"{model['arena_bytes']:,} bytes of arena and {model['macs']:,} multiply-accumulates. "
        f"In float, distillation minus cross-entropy alone is {gain}."
    )


def warnings(run: LoadedRun) -> list[str]:
    """Returns what must be known before any number is read."""
    found = []
    if run.metrics["dataset_is_synthetic"]:
        found.append(
            "Generated data, not recordings: the figures show that every part works and say "
            "nothing about people."
        )
    if run.metrics.get("leaks_subjects"):
        found.append(
            "Someone both trains and tests in this protocol: the scores say little about new "
            "people."
        )
    if run.metrics["protocol"] == "validation":
        found.append(
            "Validation: the scores are of training subjects left out in turn, to choose settings "
            "by. Test subjects do not occur."
        )
    found.append(
        "ACS is our reconstruction from the abstract of PSKD (Ni, Ngu, Yan, ACM MM 2022); its "
        "formula, the order of the stages and all settings are ours."
    )
    return found


def summary_header(run: LoadedRun) -> str:
    """Writes the page's header."""
    metrics, model = run.metrics, run.metrics["model"]
    facts = [
        (f"{percent(metrics['student']['int8']['accuracy'])} %", "accuracy, int8 student"),
        (f"{percent(metrics['student']['int8']['macro_f1'])} %", "macro F1, int8 student"),
        (f"{model['flatbuffer_bytes']:,}", "bytes of flash"),
        (f"{model['arena_bytes']:,}", "bytes of arena"),
        (f"{model['macs']:,}", "multiply-accumulates"),
    ]
    tiles = [
        element("div", element("dd", escape(value)), element("dt", escape(name)), class_="fact")
        for value, name in facts
    ]
    mode = run.settings["inputs"]["mode"]
    title = f"{run.prepared.description.title}: {words(metrics['protocol'])}, {mode} mode"
    return element(
        "header",
        paragraph("Report of a run of pskd_tf", "kicker"),
        element("h1", escape(title)),
        paragraph(summary_sentence(run), "lead"),
        element("dl", *tiles, class_="facts"),
        element("ul", *[element("li", escape(one)) for one in warnings(run)], class_="warnings"),
        id="summary",
    )


def by_group_section(run: LoadedRun) -> Section:
    """Draws one bar a subject and one a class."""
    models = [one for one in scored_models(run) if not one.name.startswith(("students/", "pruned"))]
    held = {model.name: [run.predictions(key) for key in model.keys] for model in models}
    subject_of = dict(
        zip(run.prepared.manifest["clip_id"], run.prepared.manifest["subject"], strict=True)
    )

    def subjects(part: Predictions) -> np.ndarray:
        return np.array([subject_of[clip] for clip in part.clip_ids])

    present = set(subjects(held["int8"][0]))
    order = [name for name in run.prepared.description.subjects if name in present]
    by_subject = [
        _row(f"subject {name}", models, held, lambda part, name=name: subjects(part) == name)
        for name in order
    ]
    panels = [panel("by subject", bar_rows(by_subject, _colour(models), "Accuracy by subject"))]
    for heading, classes in _class_groups(run, held["int8"][0]):
        rows = [
            _row(
                words(run.class_names[one], 24),
                models,
                held,
                lambda part, one=one: part.labels == one,
            )
            for one in classes
        ]
        panels.append(panel(heading, bar_rows(rows, _colour(models), f"Accuracy {heading}")))
    key = legend({"int8 student (bar, number)": blend(_colour(models), 0.35)})
    key += legend(
        {model.label: model.colour for model in models if model.name != "int8"}, shape="mark"
    )
    caption = (
        "How to read it: the bar and the number are the int8 student's share of right answers in "
        "per cent, mean over seeds; the thin line is one standard deviation. Upright marks are the "
        "same figure for the teachers and for the student trained without them: a mark right of "
        "the bar's end is better."
    )
    return Section("groups", "By subject and by class", figure(panels, caption, key))


def _colour(models: Sequence[ScoredModel]) -> str:
    return next(model.colour for model in models if model.name == "int8")


def _row(label: str, models: Sequence[ScoredModel], held: dict, chosen) -> BarRow:
    shares = {}
    for model in models:
        each = [
            100 * part.right[mask].mean()
            for part in held[model.name]
            if (mask := chosen(part)).any()
        ]
        if each:
            shares[model.name] = each
    own = shares.pop("int8")
    spread = float(np.std(own, ddof=1)) if len(own) > 1 else 0.0
    marks = {
        model.colour: float(np.mean(shares[model.name])) for model in models if model.name in shares
    }
    return BarRow(label, float(np.mean(own)), spread, marks)


def _class_groups(run: LoadedRun, part: Predictions) -> list[tuple[str, list[int]]]:
    """Splits the classes that occur by where the sensor was worn in most of their clips."""
    wrist, elsewhere = [], []
    for one in np.unique(part.labels):
        at_wrist = part.on_wrist[part.labels == one].mean() >= 0.5
        (wrist if at_wrist else elsewhere).append(int(one))
    place = words(run.prepared.description.wrist_place)
    groups = [
        (f"by class, sensor at the {place}", wrist),
        ("by class, sensor elsewhere", elsewhere),
    ]
    if not elsewhere:
        groups = [("by class", wrist)]
    return [(heading, classes) for heading, classes in groups if classes]


def clips_section(run: LoadedRun) -> Section:
    """Draws up to six clips, chosen by a rule that the caption states."""
    said = {"int8 student": run.predictions(f"int8/{run.first_seed}", fold=0)}
    seed = run.metrics["teacher_seeds"][0]
    for name in run.metrics["teachers"]:
        said[words(name)] = run.predictions(f"teachers/{name}/{seed}", fold=0)
    cards = [_card(run, row, said) for row in chosen_clips(said["int8 student"])]
    caption = (
        "How to read it: above, the acceleration as recorded; below, the skeleton, "
        "which only the teachers see, at six moments, pale first, seen from 30 degrees aside. "
        "The lists say what each model answered and how sure it was (✓ right, ✗ wrong). "
        "The clips: of the int8 student's right answers the surest, the median and the "
        "least sure; of its wrong ones likewise. First fold, first seed."
    )
    axes = legend({f"{name} axis": colour for name, colour in AXIS_COLOURS.items()})
    return Section("clips", "A few clips", figure(cards, caption, axes))


def chosen_clips(part: Predictions) -> list[int]:
    """Returns rows: surest, median and least sure, of the right and then of the wrong answers."""
    chosen = []
    for right in (True, False):
        rows = np.flatnonzero(part.right == right)
        order = rows[np.argsort(-part.probabilities.max(axis=1)[rows], kind="stable")]
        places = [0, len(order) // 2, len(order) - 1] if len(order) else []
        chosen += [int(order[place]) for place in dict.fromkeys(places)]
    return chosen


def _card(run: LoadedRun, row: int, said: dict[str, Predictions]) -> str:
    student = next(iter(said.values()))
    clip_id, truth = str(student.clip_ids[row]), int(student.labels[row])
    (place,) = run.clip_rows([clip_id])
    description = run.prepared.description
    chart = clip_chart(
        run.prepared.accelerometer(place),
        description.streams["accelerometer"]["nominal_rate_hz"],
        run.prepared.skeleton(place),
        description.joint_names,
        description.joint_parents,
        description.up_axis,
        description.skeleton_dimensions,
        f"Recording {clip_id}: {words(run.class_names[truth])}",
    )
    row_of = run.prepared.manifest.iloc[place]
    where = words(row_of["sensor_place"])
    answers = []
    for name, part in said.items():
        found = np.flatnonzero(part.clip_ids == clip_id)
        if len(found):
            answers.append(_answer(run, name, part.probabilities[found[0]], truth))
    return element(
        "div",
        element("h4", escape(words(run.class_names[truth]))),
        element(
            "p",
            escape(f"clip {clip_id}, subject {row_of['subject']}, sensor at the {where}"),
            class_="remark",
        ),
        chart,
        element("ul", *answers, class_="answers"),
        class_="panel clip",
    )


def _answer(run: LoadedRun, name: str, probabilities: np.ndarray, truth: int) -> str:
    guess = int(probabilities.argmax())
    right = guess == truth
    return element(
        "li",
        element("span", escape(name), class_="who"),
        element("b", "✓ " if right else "✗ ", class_="right" if right else "wrong"),
        escape(f"{words(run.class_names[guess])}, {100 * probabilities[guess]:.0f} %"),
    )


_MOST_ROWS = 60


def compression_search(content: Any) -> str:
    """Draws the candidates, then writes lists of objects as tables and other values as one table.

    Args:
        content: The JSON value.

    Returns:
        The markup.
    """
    parts = [element("h3", "Search under a budget"), paragraph("From compression.json:")]
    values: list[list[str]] = []
    fields = content if isinstance(content, dict) else {"content": content}
    parts.append(_front(fields))
    for name, value in fields.items():
        if isinstance(value, list) and value and all(isinstance(one, dict) for one in value):
            header = [key for key in value[0] if not isinstance(value[0][key], dict | list)]
            rows = [[_cell(one.get(key)) for key in header] for one in value[:_MOST_ROWS]]
            if header:
                parts.append(table([words(key) for key in header], rows, words(name)))
        elif isinstance(value, list) and value and all(isinstance(one, str) for one in value):
            items = [element("li", escape(one)) for one in value]
            parts.append(element("ul", *items, class_="remark"))
        else:
            values += _flat(words(name), value)
    if values:
        listed = table(["Value", ""], values[:_MOST_ROWS], kind="text")
        parts.append(element("details", element("summary", "All other values"), listed))
    return "".join(parts)


def _front(fields: dict[str, Any]) -> str:
    """Draws flash against accuracy where there are candidates with both."""
    wanted = {"name", "method", "flash_bytes", "int8_accuracy"}
    rows = fields.get("candidates")
    rows = rows if isinstance(rows, list) else []
    rows = [one for one in rows if isinstance(one, dict) and wanted <= set(one)]
    if not rows:
        return ""
    methods = list(dict.fromkeys(str(one["method"]) for one in rows))
    colours = {method: numbered_colour(number) for number, method in enumerate(methods)}
    dots = [
        CostDot(
            f"{one['name']}, {one['method']}: {one['flash_bytes']:,} bytes",
            one["flash_bytes"] / 1024,
            100 * one["int8_accuracy"],
            colours[str(one["method"])],
            one.get("refused") is None,
            "ships"
            if fields.get("chosen") == {key: one[key] for key in ("name", "method")}
            else "",
        )
        for one in rows
    ]
    chart = cost_chart(dots, "Accuracy of the candidates against their flash", "flash, KiB")
    caption = (
        "How to read it: one dot is one candidate, its int8 accuracy pooled over the validation "
        "folds against the bytes of its flatbuffer; better ones lie up and left. Hollow ones were "
        "refused. Test subjects choose nothing. The axis of accuracy does not start at zero."
    )
    return figure([chart], caption, legend(colours), "single")


def _flat(name: str, value: Any) -> list[list[str]]:
    if isinstance(value, dict):
        return [row for key, one in value.items() for row in _flat(f"{name}: {words(key)}", one)]
    return [[name, _cell(value)]]


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    if isinstance(value, list) and all(isinstance(one, str | int | float) for one in value):
        return ", ".join(map(str, value))
    if isinstance(value, list | dict):
        return f"{len(value)} values"
    return "" if value is None else str(value)


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


def confusion_section(run: LoadedRun) -> Section:
    """Draws a confusion matrix for each teacher, the shipped student in float and in int8."""
    shown = [model for model in scored_models(run) if _is_shown(run, model)]
    panels = []
    for model in shown:
        counts = pooled_confusion(run, model)
        chart = confusion_chart(counts, run.class_names, f"Confusion matrix of {model.label}")
        panels.append(panel(model.label, chart, _worst(counts, run.class_names)))
    caption = (
        "How to read it: a row is what was done, a column what was said (numbers as in the rows); "
        "the darker a cell, the larger its share of the row. Held-out clips of all folds and seeds "
        "together. Below each matrix its most frequent mistakes: what was "
        "done, for what it was taken."
    )
    flow = "wide" if len(run.class_names) > 12 else ""
    colours = legend({"right": RIGHT, "mistaken": WRONG})
    return Section("confusion", "What is taken for what", figure(panels, caption, colours, flow))


def pooled_confusion(run: LoadedRun, model: ScoredModel) -> np.ndarray:
    """Counts a model's answers over all folds and seeds.

    Args:
        run: The run.
        model: One of its models.

    Returns:
        `(classes, classes)`, rows the truth, columns the guess.
    """
    classes = np.arange(len(run.class_names))
    parts = [run.predictions(key) for key in model.keys]
    return sum(confusion_matrix(part.labels, part.guesses, labels=classes) for part in parts)


def _is_shown(run: LoadedRun, model: ScoredModel) -> bool:
    return model.name.startswith("teachers/") or model.name in (
        f"students/{run.first_kind}",
        "int8",
    )


def _worst(counts: np.ndarray, class_names: list[str]) -> str:
    mistakes = counts - np.diag(np.diag(counts))
    order = np.argsort(mistakes, axis=None, kind="stable")[::-1][:3]
    said = []
    for place in order:
        row, column = np.unravel_index(place, counts.shape)
        if mistakes[row, column]:
            names = words(f"{class_names[row]} for {class_names[column]}")
            said.append(f"{names} ({mistakes[row, column]} of {counts[row].sum()})")
    return "; ".join(said) or "no mistake"


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


def embeddings_section(run: LoadedRun, maps: Sequence[EmbeddingMap]) -> Section:
    """Draws the maps side by side, with one list of the classes.

    Args:
        run: The run.
        maps: What `embedding_maps` gives.

    Returns:
        The section.
    """
    panels = []
    for one in maps:
        name = words(one.name.split("/")[-1])
        heading = name if one.name.startswith("teachers/") else f"student, {name} teachers"
        chart = map_chart(one.places, one.labels, run.class_names, f"Embeddings of {heading}")
        panels.append(panel(heading, chart, f"{len(one.labels)} clips"))
    numbers = [
        element(
            "li",
            element("b", str(number + 1), style=f"color:{numbered_colour(number)}"),
            f" {escape(words(name))}",
            data_class=number,
        )
        for number, name in enumerate(run.class_names)
    ]
    caption = (
        "How to read it: one dot is one held-out clip, the number its class; clips that a model "
        "holds for alike lie close together. Point at a class to see it in every map. Layout by "
        "t-SNE (seeded, started from PCA): only who is whose neighbour means something, neither "
        "distances between groups nor their sizes. First fold, first seeds."
    )
    body = element(
        "div",
        figure(panels, caption, element("ul", *numbers, class_="numbered"), _flow(panels)),
        class_="maps",
    )
    return Section("embeddings", "A map of the embeddings", body)


def _flow(panels: Sequence[str]) -> str:
    """Two by two looks better than three and one."""
    return "wide" if len(panels) in (2, 4) else ""


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


_MOST_LISTED = 40


def numbers_section(run: LoadedRun) -> Section:
    """Writes the table of scores, one dot a seed, and the parts of the protocol."""
    rows, dots = [], []
    models = scored_models(run)
    for model in models:
        scores = model_scores(run, model.name)
        cells = [percent(scores[name]) for name in _SCORES]
        rows.append([model.label, *cells, str(len(model.seeds))])
        values = [100 * value for value in scores["accuracy"]["values"]]
        dots.append(DotRow(model.label, values, model.colour))
    header = ["Model", "Accuracy %", "Macro F1 %", "Wrist actions %", "n"]
    chart = seed_dots(dots, "Accuracy of each model and seed", "accuracy on held-out clips, %")
    body = [
        protocol_text(run),
        table(header, rows, strong_rows=[len(rows) - 1]),
        paragraph(
            "Mean ± sample standard deviation over n seeds; no value is picked. Wrist actions: "
            "only the clips whose sensor was worn at the wrist. int8 is run by TensorFlow Lite "
            "Micro's interpreter, all others by Keras.",
            "remark",
        ),
        figure(
            [chart],
            "How to read it: one dot is one seed, the upright line their mean, the thin line one "
            "standard deviation to either side. The axis does not start at zero.",
            flow="single",
        ),
        paragraph(_pairs(run)),
    ]
    return Section("numbers", "Numbers", "".join(body))


def model_scores(run: LoadedRun, name: str) -> dict:
    """Returns the summaries of a model from `metrics.json`."""
    metrics = run.metrics
    group, _, own = name.partition("/")
    if group == "teachers":
        return metrics["teachers"][own]
    if group == "students":
        return metrics["students_by_teacher_outputs"][own]
    return (
        metrics["baseline"]["cross_entropy"] if group == "baseline" else metrics["student"][group]
    )


def protocol_text(run: LoadedRun) -> str:
    """Writes who trains and who is held out."""
    metrics, manifest = run.metrics, run.prepared.manifest
    folds, everyone = metrics["folds"], run.prepared.description.subjects
    rows = []
    for number, fold in enumerate(folds):
        name = f"fold {number + 1}" if len(folds) > 1 else "the only split"
        held = run.scores(f"baseline/{run.first_seed}")[number]
        train = run.stage(held.inputs["model"])
        sizes = [f"{len(train.settings['train_clips'])}", f"{len(held.settings['clips'])}"]
        rows.append(
            [name, _names(fold["train_subjects"]), _names(fold["test_subjects"]), " / ".join(sizes)]
        )
    text = (
        f"Protocol: {words(metrics['protocol'])}. {run.prepared.description.title} has "
        f"{len(manifest)} clips of {len(run.class_names)} actions by {len(everyone)} subjects"
    )
    taking_part = {*metrics["train_subjects"], *metrics["test_subjects"]}
    text += (
        f", of whom {len(taking_part)} take part. " if len(taking_part) < len(everyone) else ". "
    )
    if len(folds) > 1:
        text += f"Each seed's value pools the held-out clips of {len(folds)} folds. "
    text += f"Student seeds {_names(metrics['seeds'])}; "
    text += f"teacher seeds {_names(metrics['teacher_seeds'])}."
    header = ["Split", "Training subjects", "Held-out subjects", "Clips: training / held out"]
    return paragraph(text) + table(header, rows, kind="text")


def _pairs(run: LoadedRun) -> str:
    values = run.metrics["paired_difference"]["values"]
    each = ", ".join(f"{100 * value:+.1f}".replace("-", "−") for value in values)
    return (
        "The shipped kind of student minus cross-entropy alone, both in float: "
        f"{paired_text(values)}. "
        f"By seed: {each}. The interval covers seeds only; other subjects would move it further."
    )


def _names(values: Sequence[object]) -> str:
    listed = ", ".join(map(str, values[:_MOST_LISTED]))
    more = len(values) - _MOST_LISTED
    return listed if more <= 0 else f"{listed} and {more} more"


_BINS = 10


def reliability_section(run: LoadedRun) -> Section:
    """Draws a reliability diagram for the baseline, the shipped student, and it in int8."""
    wanted = ("baseline", f"students/{run.first_kind}", "int8")
    panels = []
    for model in scored_models(run):
        if model.name in wanted:
            parts = [run.predictions(key) for key in model.keys]
            errors = [100 * calibration_error(*reliability_bins([part])) for part in parts]
            spread = f" ± {np.std(errors, ddof=1):.1f}" if len(errors) > 1 else ""
            bins = reliability_bins(parts)
            chart = reliability_chart(*bins, model.colour, f"Reliability of {model.label}")
            remark = f"expected calibration error {np.mean(errors):.1f}{spread} points"
            panels.append(panel(model.label, chart, f"{remark} (n = {len(errors)})"))
    caption = (
        "How to read it: answers are sorted by confidence, the probability of the class that is "
        "said, into ten bins. On the dashed line a model that says 80 % is right in 80 % of "
        "cases; below the line it is too sure, above it too modest. Larger dots and higher bars "
        "hold more answers. All seeds and folds together; the error is the mean gap, "
        "by answers, of each seed."
    )
    return Section("reliability", "Does confidence mean what it says?", figure(panels, caption))


def reliability_bins(parts: list[Predictions]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sorts answers into ten bins of equal width by confidence.

    Args:
        parts: Predictions of one model, one a seed.

    Returns:
        Mean confidence, share of right answers and number of answers of each bin, `(10,)` each;
        zeros where a bin is empty.
    """
    confidence = np.concatenate([part.probabilities.max(axis=1) for part in parts])
    right = np.concatenate([part.right for part in parts])
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    counts = np.bincount(bins, minlength=_BINS).astype(float)
    divisor = np.maximum(counts, 1)
    sums = [np.bincount(bins, weights=values, minlength=_BINS) for values in (confidence, right)]
    return sums[0] / divisor, sums[1] / divisor, counts


def calibration_error(confidence: np.ndarray, accuracy: np.ndarray, counts: np.ndarray) -> float:
    """Returns the expected calibration error: the mean of |accuracy - confidence| by answers.

    Source: Naeini, Cooper, Hauskrecht, AAAI 2015; Guo et al., ICML 2017.
    """
    return float(np.sum(counts * np.abs(accuracy - confidence)) / np.sum(counts))


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
