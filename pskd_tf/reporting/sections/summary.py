"""The top of a report: one sentence, a few figures, what a reader must know first."""

from html import escape

from pskd_tf.reporting.loaded_run import LoadedRun
from pskd_tf.reporting.markup.element import element
from pskd_tf.reporting.markup.number_text import percent, words
from pskd_tf.reporting.paired_differences import paired_text
from pskd_tf.reporting.section import paragraph


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
