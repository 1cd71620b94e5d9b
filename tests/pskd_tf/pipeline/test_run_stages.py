"""The order of stages over several processes, and what happens when one fails or dies."""

import dataclasses
import os
import signal
import time
from pathlib import Path
from typing import ClassVar

import pytest

from data_prep.errors import UserError
from pskd_tf.pipeline import runner
from pskd_tf.pipeline.runner import run_stages
from pskd_tf.pipeline.specs import StageSpec
from pskd_tf.pipeline.stage import RunContext, Stage


@dataclasses.dataclass(frozen=True)
class StepSpec(StageSpec):
    """A stage that waits for another one, and then may fail or, once, kill its process."""

    kind: ClassVar[str] = "step"
    version: ClassVar[int] = 1
    relies_on: ClassVar[tuple[str, ...]] = ()

    name: str
    reads: tuple[str, ...] = ()
    after: str = ""
    ending: str = ""

    @property
    def inputs(self) -> tuple[str, ...]:
        return self.reads


def step(name: str, *inputs: Stage, after: str = "", ending: str = "") -> Stage:
    spec = StepSpec(name, tuple(one.key for one in inputs), after, ending)
    return Stage(name, spec, inputs)


def make(stage: Stage[StepSpec], context: RunContext) -> None:
    """What a worker does here instead of training."""
    context.log(f"started {stage.name}")
    assert all(context.is_done(one) for one in stage.inputs)
    deadline = time.monotonic() + 120
    while stage.spec.after and f"finished {stage.spec.after}" not in log_of(context):
        assert time.monotonic() < deadline, f"{stage.spec.after} must be done first"
        time.sleep(0.02)
    if stage.spec.ending == "fail":
        raise ZeroDivisionError(f"a bug in {stage.name}")
    once = context.run_dir / f"{stage.name}.died"
    if stage.spec.ending == "die" and not once.exists():
        once.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    context.folder(stage).mkdir(parents=True)
    (context.folder(stage) / "result.json").write_text("{}")
    context.log(f"finished {stage.name}")


@pytest.fixture
def context(tmp_path: Path) -> RunContext:
    return RunContext(tmp_path, tmp_path / "stages", tmp_path)


def log_of(context: RunContext) -> list[str]:
    return (context.run_dir / "log.txt").read_text("utf-8").splitlines()


def run(wanted: list[Stage], context: RunContext, workers: int = 2) -> list[str]:
    finished: list[str] = []
    run_stages(
        wanted,
        context,
        workers,
        finished=lambda stage: finished.append(stage.name),
        in_worker=make,
    )
    return finished


def test_a_stage_starts_when_its_inputs_are_there(context):
    """`last` is two steps deep and ends while `slow`, of the first step, is still at work."""
    slow = step("slow", after="last")
    quick = step("quick")
    last = step("last", step("middle", quick))
    assert sorted(run([slow, last], context)) == ["last", "middle", "quick", "slow"]
    assert log_of(context)[-1] == "finished slow"


def test_of_several_the_first_wanted_comes_first(context):
    first = step("first", step("needed by first"))
    second, third = step("second"), step("third", after="first")
    assert run([third, first, second], context)[0] == "needed by first"
    started = [line for line in log_of(context) if line.startswith("started")]
    assert started.index("started first") < started.index("started second")


def test_a_failing_stage_reports_its_own_error_and_the_rest_can_go_on(context):
    good, bad = step("good"), step("bad", ending="fail", after="good")
    last = step("last", good, bad)
    with pytest.raises(ZeroDivisionError, match="a bug in bad"):
        run([last], context)
    assert context.is_done(good) and not context.is_done(last)


def test_a_dead_worker_is_one_line_and_the_same_call_goes_on(context):
    good, bad = step("good"), step("bad", ending="die", after="good")
    last = step("last", good, bad)
    message = r"^A worker process must not be ended .*Received: one of 2 died$"
    with pytest.raises(UserError, match=message):
        run([last], context)
    assert context.is_done(good)
    assert run([last], context) == ["good", "bad", "last"]
    log = log_of(context)
    assert log.count("started good") == 1 and log.count("started bad") == 2
    assert f"found {context.folder(good).name}" in log


def test_results_that_are_there_need_no_worker(context, monkeypatch):
    first = step("first")
    second = step("second", first)
    for stage in (first, second):
        context.folder(stage).mkdir(parents=True)
        (context.folder(stage) / "result.json").write_text("{}")
    monkeypatch.setattr(runner, "worker_pool", None)
    assert run([second], context) == ["first", "second"]
    assert log_of(context) == [f"found {context.folder(one).name}" for one in (first, second)]


def test_one_worker_works_here_in_the_same_order(context, monkeypatch):
    monkeypatch.setattr(runner, "run_stage", make)
    monkeypatch.setattr(runner, "worker_pool", None)
    first = step("first", step("needed by first"))
    assert run([step("third"), first], context, workers=1) == ["third", "needed by first", "first"]
