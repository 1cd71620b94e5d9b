"""Classes that no watch has recorded: their accuracy, that of the others, and the harmonic mean.

With `--unworn_classes` each student seed draws classes whose training clips are read as skeletons
alone. The accuracy over all clips hides whether a student learned them; this table does not.
Source: the harmonic mean of the two groups' accuracies is that of generalised zero-shot learning
(Xian et al., CVPR 2017).
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from data_prep.files import whole_file
from pskd_tf.benchmark.results import CellRecord
from pskd_tf.benchmark.statistics import Difference, Spread, points_text
from pskd_tf.method import Method
from pskd_tf.pipeline.hidden_labels import drawn_classes


@dataclass(frozen=True)
class UnwornRow:
    """One method's accuracy on two groups of classes; shares are fractions 0..1.

    Attributes:
        title: The method's name on boards.
        protocol: `validation` or a protocol that scores test subjects.
        unworn: Accuracy on clips of the drawn classes.
        worn: Accuracy on the other clips.
        harmonic: Harmonic mean of the two, of each draw.
        minus_best: Harmonic mean minus that of the method with the highest one on validation,
            paired by draw; None for that method, and where validation was not run.
    """

    title: str
    protocol: str
    unworn: Spread
    worn: Spread
    harmonic: Spread
    minus_best: Difference | None


def harmonic_means(right: np.ndarray, unworn: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Returns the harmonic mean of the two groups' accuracies for each draw.

    Args:
        right: `(draws, clips)` whether a guess is right.
        unworn: `(draws, clips)` whether a clip's class was drawn.
        weights: `(clips,)` how often each clip counts.

    Returns:
        `(draws,)`; 0 where both accuracies are 0, NaN where a group is empty.
    """
    with np.errstate(invalid="ignore"):
        one = (right * unworn) @ weights / (unworn @ weights)
        other = (right * ~unworn) @ weights / (~unworn @ weights)
    total = one + other
    return np.asarray(2 * one * other / np.where(total == 0, 1.0, total))


def harmonic_difference(
    right: np.ndarray,
    others: np.ndarray,
    unworn: np.ndarray,
    subjects: np.ndarray,
    *,
    replicates: int = 2000,
    seed: int = 0,
) -> Difference:
    """Bootstraps the difference of two methods' harmonic means over draws, subjects and clips.

    Args:
        right: `(draws, clips)` whether a guess of the method is right.
        others: The same of the method to subtract.
        unworn: `(draws, clips)` whether a clip's class was drawn.
        subjects: `(clips,)` subject of each clip.
        replicates: Number of replicates.
        seed: Seed of their draws.

    Returns:
        The mean of the paired differences and the 95 % percentile interval (Efron 1979; the
        nesting is ours). Replicates in which a group is empty are left out.
    """

    def difference(draws: np.ndarray, weights: np.ndarray) -> float:
        mine = harmonic_means(right[draws], unworn[draws], weights)
        return float((mine - harmonic_means(others[draws], unworn[draws], weights)).mean())

    generator = np.random.default_rng(seed)
    rows = [np.flatnonzero(subjects == one) for one in np.unique(subjects)]
    found = []
    for _ in range(replicates):
        draws = generator.integers(len(right), size=len(right))
        weights = np.zeros(len(subjects))
        for drawn in generator.integers(len(rows), size=len(rows)):
            np.add.at(weights, generator.choice(rows[drawn], size=len(rows[drawn])), 1.0)
        found.append(difference(draws, weights))
    low, high = np.nanpercentile(found, [2.5, 97.5])
    everything = np.arange(len(right)), np.ones(len(subjects))
    return Difference(difference(*everything), float(low), float(high))


def unworn_rows(
    methods: Sequence[Method],
    records: Collection[CellRecord],
    parts: Mapping[tuple[str, str], pd.DataFrame],
    count: int,
    *,
    replicates: int = 2000,
) -> list[UnwornRow]:
    """Sums up each method on the classes that its draws left without a watch, and on the others.

    Args:
        methods: The methods, in the order to show.
        records: Finished cells of the picked trials.
        parts: Held-out clips by protocol and `CellRecord.held_out`, in the order of the guesses:
            indexed by clip_id, columns subject, label.
        count: How many classes each student seed drew.
        replicates: Of the bootstrap.

    Returns:
        Rows by protocol, then by method.
    """
    folds: dict[str, list[str]] = {}
    for protocol, held_out in parts:
        folds.setdefault(protocol, []).append(held_out)
    rows, best = [], ""
    for protocol in sorted(folds, key=lambda name: name != "validation"):
        clips = pd.concat([parts[protocol, held_out] for held_out in folds[protocol]])
        labels = clips["label"].to_numpy()
        right: dict[str, dict[int, np.ndarray]] = {}
        for method in methods:
            own = [one for one in records if (one.method, one.protocol) == (method.name, protocol)]
            for seed in sorted({one.student_seed for one in own}):
                of_fold = {one.held_out: one.predicted for one in own if one.student_seed == seed}
                if set(of_fold) == set(folds[protocol]):
                    guesses = np.concatenate([of_fold[held_out] for held_out in folds[protocol]])
                    right.setdefault(method.name, {})[seed] = guesses == labels
        drawn = {
            seed: np.isin(labels, list(drawn_classes(labels.tolist(), count, seed)))
            for runs in right.values()
            for seed in runs
        }
        groups = {
            name: (np.stack(list(runs.values())), np.stack([drawn[seed] for seed in runs]))
            for name, runs in right.items()
        }
        evenly = np.ones(len(labels))
        if protocol == "validation" and groups:
            best = max(groups, key=lambda name: harmonic_means(*groups[name], evenly).mean())
        for method in methods:
            if method.name not in groups:
                continue
            hits, unworn = groups[method.name]
            shared = [seed for seed in right[method.name] if seed in right.get(best, {})]
            difference = None
            if method.name != best and shared:
                difference = harmonic_difference(
                    np.stack([right[method.name][seed] for seed in shared]),
                    np.stack([right[best][seed] for seed in shared]),
                    np.stack([drawn[seed] for seed in shared]),
                    clips["subject"].to_numpy(str),
                    replicates=replicates,
                )
            rows.append(
                UnwornRow(
                    method.title,
                    protocol,
                    Spread.of((hits * unworn).sum(axis=1) / unworn.sum(axis=1)),
                    Spread.of((hits * ~unworn).sum(axis=1) / (~unworn).sum(axis=1)),
                    Spread.of(harmonic_means(hits, unworn, evenly)),
                    difference,
                )
            )
    return rows


def unworn_markdown(rows: Sequence[UnwornRow]) -> str:
    """Returns the rows as a Markdown table, in %: mean +- sample standard deviation (draws)."""
    heads = ["subjects", "method", "classes without a watch", "other classes", "harmonic mean"]
    heads.append("minus the best of validation")
    lines = ["| " + " | ".join(heads) + " |", "| --- | --- |" + " ---: |" * 4]
    for row in rows:
        spreads = [
            f"{100 * one.mean:.1f} +- {100 * one.std:.1f} ({one.count})"
            for one in (row.unworn, row.worn, row.harmonic)
        ]
        cells = [row.protocol, row.title, *spreads, points_text(row.minus_best)]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def write_unworn(folder: Path, rows: Sequence[UnwornRow]) -> str:
    """Writes `unworn_classes.md` and returns its text."""
    text = unworn_markdown(rows)
    with whole_file(folder / "unworn_classes.md") as temporary:
        temporary.write_text(text, encoding="utf-8")
    return text
