"""The models of a run, as every table and figure of the report names and colours them."""

from dataclasses import dataclass

from pskd_tf.reporting.charts import colour_of
from pskd_tf.reporting.markup import words
from pskd_tf.run import LoadedRun


@dataclass(frozen=True)
class ScoredModel:
    """One row of the tables.

    Attributes:
        name: `teachers/<name>`, `baseline`, `students/<kind>`, `pruned` or `int8`.
        label: For people.
        seeds: The seeds it was trained with.
        colour: Its colour in every figure.
    """

    name: str
    label: str
    seeds: tuple[int, ...]
    colour: str

    @property
    def keys(self) -> tuple[str, ...]:
        """What `LoadedRun.predictions` takes, one a seed."""
        return tuple(f"{self.name}/{seed}" for seed in self.seeds)


def scored_models(run: LoadedRun) -> list[ScoredModel]:
    """Lists a run's models: the chain of teachers, the baseline, the students, the small ones."""
    seeds = tuple(run.metrics["seeds"])
    named = [
        (f"teachers/{name}", words(name), tuple(run.metrics["teacher_seeds"]))
        for name in run.metrics["teachers"]
    ]
    named.append(("baseline", "student, cross-entropy alone", seeds))
    for kind in run.metrics["students_by_teacher_outputs"]:
        named.append((f"students/{kind}", f"student, {words(kind)} teachers", seeds))
    named.append(("pruned", "shipped student, pruned", seeds))
    named.append(("int8", "shipped student, int8", seeds))
    return [ScoredModel(name, label, own, colour_of(name)) for name, label, own in named]
