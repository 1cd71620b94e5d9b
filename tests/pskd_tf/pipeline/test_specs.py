"""Specifications of stages: what makes two stages the same, and their way through a file."""

import dataclasses
import json
from pathlib import Path
from typing import ClassVar

import pytest

from data_prep.errors import UserError
from data_prep.records import record_to_json
from pskd_tf.compression.cost import BoardLimits
from pskd_tf.pipeline import stage as stage_module
from pskd_tf.pipeline.plan import plan_run
from pskd_tf.pipeline.planner import declare_score
from pskd_tf.pipeline.runner import stage_actions
from pskd_tf.pipeline.search import CompressionPlanner
from pskd_tf.pipeline.specs import ForestSpec, LossSpec, StageSpec, StreamScoreSpec
from pskd_tf.pipeline.stage import Stage, all_stages
from pskd_tf.settings import CompressionSearch, RunSettings
from pskd_tf.stage_record import StageRecord
from pskd_tf.stream_settings import StreamSettings
from pskd_tf.training_settings import ACSSettings


@dataclasses.dataclass(frozen=True)
class StepSpec(StageSpec):
    """A kind of the tests' own."""

    kind: ClassVar[str] = "step"
    version: ClassVar[int] = 1
    relies_on: ClassVar[tuple[str, ...]] = ("numpy",)

    seed: int
    teacher: str | None = None
    student: str | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        return tuple(one for one in (self.teacher, self.student) if one)


@dataclasses.dataclass(frozen=True)
class OtherSpec(StepSpec):
    kind: ClassVar[str] = "other"


@dataclasses.dataclass(frozen=True)
class NewerSpec(StepSpec):
    version: ClassVar[int] = 2


@pytest.fixture(scope="module")
def stages(prepared) -> dict[str, Stage]:
    """One stage of each kind, and two of scoring."""
    (plan,) = plan_run(RunSettings(), prepared)
    student = plan.students["cross_fitted"][1]
    planner = CompressionPlanner(CompressionSearch())
    slim = planner.slim(student, BoardLimits(flash_bytes=24 * 1024))
    part = student.spec.part
    forest = ForestSpec(student.spec.data, part, 1, part.clips, {"max_features": "sqrt"})
    in_stream = StreamScoreSpec(student.key, plan.compressed[1].key, part.clips, "int8", 2.0)
    return {
        "fit": student,
        "teacher_outputs": plan.teacher_outputs["cross_fitted"][1],
        "forest": Stage("forest", forest),
        "compress": plan.compressed[1],
        "slim": slim,
        "quantise": planner.quantise(student, slim, "qat"),
        "score": plan.scores["int8/1"],
        "score of float": plan.scores["baseline/1"],
        "compare": plan.compared[1],
        "stream_score": Stage("stream", in_stream, (student, plan.compressed[1])),
    }


def written(stage: Stage, folder: Path, **changes) -> StageRecord:
    (folder / "stage.json").write_text(json.dumps({"key": stage.key, **stage.record(), **changes}))
    (folder / "result.json").write_text("{}")
    return StageRecord.load(folder)


def test_a_key_names_all_that_a_result_depends_on_and_nothing_else():
    first = Stage("a", StepSpec(1))
    assert first.key == Stage("another name", StepSpec(1)).key
    others = [
        Stage("a", OtherSpec(1)),
        Stage("a", NewerSpec(1)),
        Stage("a", StepSpec(2)),
        Stage("a", StepSpec(1, teacher=first.key), (first,)),
        Stage("a", StepSpec(1, student=first.key), (first,)),
    ]
    assert len({first.key, *(one.key for one in others)}) == 6
    assert first.folder(Path("stages")) == Path("stages") / f"a-{first.key[:12]}"


def test_a_stage_is_given_the_inputs_that_it_names():
    first, second = Stage("a", StepSpec(1)), Stage("b", StepSpec(2))
    with pytest.raises(ValueError, match="c names other inputs than it was given"):
        Stage("c", StepSpec(3, teacher=first.key), (second,))
    assert Stage("c", StepSpec(3, teacher=first.key), (first,)).input(first.key) is first


@pytest.mark.parametrize(
    ("package", "changed"),
    [
        ("tflite-micro", {"compress", "quantise", "score", "stream_score", "compare"}),
        ("ai-edge-litert", {"compress", "quantise", "score", "stream_score", "compare"}),
        ("tf-keras", {"compress", "quantise"}),
        ("tensorflow-model-optimization", {"compress", "quantise"}),
        ("scikit-learn", {"forest", "score", "score of float", "compare"}),
        (
            "keras",
            {
                *("fit", "teacher_outputs", "compress", "slim", "quantise"),
                *("score of float", "compare"),
            },
        ),
    ],
)
def test_another_version_of_a_package_changes_the_kinds_that_rely_on_it(
    stages, monkeypatch, package, changed
):
    """Apart from their inputs, whose keys they name."""
    before = {name: stage.record() for name, stage in stages.items()}
    installed = stage_module.installed_version
    monkeypatch.setattr(
        stage_module,
        "installed_version",
        lambda name: "0.0.1" if name == package else installed(name),
    )
    assert {name for name in stages if stages[name].record() != before[name]} == changed


def test_a_new_interpreter_scores_again_and_trains_nothing_again(prepared, monkeypatch):
    def keys() -> dict[str, str]:
        (plan,) = plan_run(RunSettings(), prepared)
        scores = {what: plan.scores[what].key for what in ("int8/1", "students/cross_fitted/1")}
        return {**scores, "fit": plan.students["cross_fitted"][1].key}

    before = keys()
    installed = stage_module.installed_version
    monkeypatch.setattr(
        stage_module,
        "installed_version",
        lambda name: "0.0.1" if name == "tflite-micro" else installed(name),
    )
    after = keys()
    assert after["int8/1"] != before["int8/1"]
    assert after["fit"] == before["fit"]
    assert after["students/cross_fitted/1"] == before["students/cross_fitted/1"]


def test_every_kind_survives_the_file(stages, tmp_path):
    assert {stage.kind for stage in stages.values()} == set(stage_actions())
    for stage in stages.values():
        record = written(stage, tmp_path)
        spec = record.spec(type(stage.spec))
        assert spec == stage.spec and (record.kind, record.key) == (stage.kind, stage.key)


def test_what_is_no_record_of_the_kind_is_refused(stages, tmp_path):
    fit = stages["fit"]
    with pytest.raises(UserError, match=r"of the kind score\. Received: fit .*stage\.json\)$"):
        written(fit, tmp_path).spec(type(stages["score"].spec))
    with pytest.raises(UserError, match=r"key must be the hash of its content"):
        written(fit, tmp_path, version=1)
    for changes, message in (
        ({"seed": "1"}, "seed: Input should be a valid integer. Received: 1"),
        ({"sead": 1}, "FitSpec has no field sead"),
        ({"training": {"epochs": 0}}, "epochs must be positive. Received: 0"),
    ):
        record = dataclasses.replace(
            written(fit, tmp_path), content={**record_to_json(fit.spec), **changes}
        )
        with pytest.raises(UserError) as error:
            record.spec(type(fit.spec))
        assert message in str(error.value) and str(error.value).endswith("stage.json)")


def test_stages_come_after_their_inputs_and_the_most_wanted_first():
    first = Stage("first", StepSpec(1))
    second = Stage("second", StepSpec(2, teacher=first.key), (first,))
    third = Stage("third", StepSpec(3))
    assert [one.name for one in all_stages([second, third, second])] == [
        "first",
        "second",
        "third",
    ]


def test_one_stage_has_one_name():
    first, other = Stage("first", StepSpec(1)), Stage("other", StepSpec(1))
    readers = [
        Stage("reader", StepSpec(2 + n, teacher=first.key), (one,))
        for n, one in enumerate((first, other))
    ]
    with pytest.raises(ValueError, match="One stage, two names: other, first"):
        all_stages(readers)


def test_acs_is_read_back_and_no_other_loss_is_taken_for_it():
    settings = ACSSettings(selection="soft", temperature=2.0, label_smoothing=0.1)
    loss = LossSpec.of_acs(settings)
    assert loss.acs == settings and loss.label_smoothing == 0.1
    assert LossSpec.cross_entropy(0.2).acs is None
    assert LossSpec("knowledge_distillation", {"temperature": 4.0}).label_smoothing == 0.0


def test_a_model_that_scores_itself_is_one_input(stages):
    fit = stages["fit"]
    assert declare_score("score", fit, fit, ["a"], "float").inputs == (fit,)


def test_a_training_on_streams_has_a_key_and_a_class_of_its_own(prepared):
    (clip,) = plan_run(RunSettings(teacher_outputs=("live",)), prepared)
    stream = StreamSettings(enabled=True)
    (plan,) = plan_run(RunSettings(teacher_outputs=("live",), stream=stream), prepared)
    on_clips, on_streams = clip.students["live"][1].spec, plan.students["live"][1].spec
    # Records of before had no such field: their hashes stay.
    assert "stream" not in record_to_json(on_clips)
    assert on_clips.null_class is None
    assert on_streams.stream == stream
    assert on_streams.null_class == on_clips.data.num_classes == on_streams.data.num_classes - 1
    for teacher in plan.students["live"][1].inputs:
        assert teacher.spec.stream == stream


def test_settings_of_streams_are_kept_only_where_they_count():
    stream = StreamSettings(enabled=True)
    assert "stream" not in RunSettings().to_json()
    settings = RunSettings(stream=stream, teacher_outputs=("live",))
    assert settings.to_json()["stream"]["minimum_samples"] == 50
