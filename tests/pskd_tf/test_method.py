"""The methods in `configs/`, and refusals of wrong files."""

import csv
import dataclasses
import json
import re

import pandas as pd
import pytest

from data_prep.errors import UserError
from project import ROOT
from pskd_tf.distillation.losses.registry import make_loss
from pskd_tf.method import FOREST, Method, Pretraining, Soup, read_methods
from pskd_tf.settings import STREAMS_READ
from pskd_tf.training_settings import TrainingSettings

CONFIGS = ROOT / "configs"
SHIPPED = CONFIGS / "benchmark_methods.json"
VARIANCE = CONFIGS / "benchmark_variance_methods.json"
STUDY = CONFIGS / "benchmark_acs_study_methods.json"


def test_halves_have_the_trial_that_validation_chose():
    """Nothing is tuned on halves, in which every subject is scored."""
    listed, chosen = {}, {}
    for file, board in ((VARIANCE, "utd_mhad_variance"), (SHIPPED, "utd_mhad")):
        listed |= {method.name: method for method in read_methods(file)}
        rows = pd.read_csv(ROOT / f"benchmarks/results/{board}/leaderboard.csv")
        chosen |= dict(rows.set_index("method")["trial"])
    halves = read_methods(CONFIGS / "benchmark_halves_methods.json")
    assert len(halves) >= 5 and halves[0].name == "cross_entropy"
    for method in halves:
        whole = listed[method.name]
        trial = (whole.trials[chosen[whole.title]],)
        assert method == dataclasses.replace(whole, trials=trial, most_seeds=method.most_seeds)


def test_every_shipped_method_has_the_same_number_of_trials():
    methods = read_methods(SHIPPED)
    assert len(methods) == 39
    assert {len(method.trials) for method in methods} == {2}


def test_the_short_board_takes_one_trial_of_the_long_one_s():
    short = read_methods(CONFIGS / "benchmark_short_methods.json")
    assert len(short) == 5
    for method, same in zip(short, read_methods(SHIPPED, [one.name for one in short]), strict=True):
        assert len(method.trials) == 1
        assert method.trials[0] in same.trials
        assert dataclasses.replace(method, trials=same.trials) == same


def test_the_study_s_methods_are_the_board_s_or_have_a_name_of_their_own():
    board = {method.name: method for method in read_methods(SHIPPED)}
    study = read_methods(STUDY)
    own = [method for method in study if method.name not in board]
    assert [method for method in study if method.name in board] == [
        board[method.name] for method in study if method.name in board
    ]
    assert len(study) - len(own) == 8 and len(own) == 9
    assert {len(method.trials) for method in own} == {2}


@pytest.mark.parametrize(
    "path",
    [
        SHIPPED,
        STUDY,
        CONFIGS / "benchmark_scarce_methods.json",
        CONFIGS / "benchmark_watch_methods.json",
        CONFIGS / "benchmark_variance_methods.json",
    ],
)
def test_every_shipped_trial_makes_its_loss(path):
    for method in read_methods(path):
        if method.model != FOREST:
            assert STREAMS_READ[method.model] == ("accelerometer",)
            for trial in method.trials:
                assert trial.items() <= make_loss(method.loss, trial).get_config().items()
        if method.pretraining is not None:
            loss, arguments = method.pretraining.loss, method.pretraining.arguments
            made = make_loss(loss, arguments)
            assert made.learns_without_labels and arguments.items() <= made.get_config().items()


def test_names_choose_and_order():
    chosen = read_methods(SHIPPED, ["acs_soft", "cross_entropy"])
    assert [method.name for method in chosen] == ["acs_soft", "cross_entropy"]


def test_an_unknown_name_lists_the_known_ones():
    with pytest.raises(UserError, match=r"A method is one of cross_entropy, .* Received: magic"):
        read_methods(SHIPPED, ["magic"])


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"name": "a"}, "must be JSON as docs/benchmark.md says"),
        ({"name": "a", "title": "A", "loss": "", "trials": []}, "at least one trial"),
        (
            {
                "name": "a",
                "title": "A",
                "loss": "",
                "trials": [{}],
                "teachers": ["skeleton_teacher"],
            },
            "teacher_outputs of a must be one of",
        ),
        (
            {"name": "a", "title": "A", "loss": "", "trials": [{}], "teacher_outputs": "live"},
            "a has no teachers, so no teacher_outputs. Received: live",
        ),
    ],
)
def test_a_wrong_entry_is_one_line(tmp_path, entry, message):
    path = tmp_path / "methods.json"
    path.write_text(json.dumps({"methods": [entry]}))
    with pytest.raises(UserError, match=message):
        read_methods(path)


def test_two_methods_of_one_name_are_refused(tmp_path):
    entry = {"name": "a", "title": "A", "loss": "cross_entropy", "trials": [{}]}
    (tmp_path / "methods.json").write_text(json.dumps({"methods": [entry, entry]}))
    with pytest.raises(UserError, match=r"different names. Received: a"):
        read_methods(tmp_path / "methods.json")


def test_an_unknown_teacher_is_refused():
    with pytest.raises(UserError, match=r"The teachers of a are of skeleton_teacher, .*: owl"):
        Method("a", "A", "cross_entropy", ({},), teachers=("owl",), teacher_outputs="live")


def test_own_nets_teach_where_outputs_need_no_folds():
    own = ("accelerometer_student",)
    with pytest.raises(UserError, match=r"own nets teach with in_sample or live.*cross_fitted"):
        Method("a", "A", "knowledge_distillation", ({},), teachers=own,
               teacher_outputs="cross_fitted")  # fmt: skip
    with pytest.raises(UserError, match=r"own_nets must be positive. Received: 0 of a"):
        Method("a", "A", "knowledge_distillation", ({},), teachers=own,
               teacher_outputs="in_sample", own_nets=0)  # fmt: skip


def test_virtual_sensors_train_a_student_without_teachers():
    method = Method("a", "", "cross_entropy", ({},), virtual_sensors=("rotation",))
    with pytest.raises(UserError, match=r"virtual_sensors of a are of rotation, .*: camera"):
        dataclasses.replace(method, virtual_sensors=("camera",))
    with pytest.raises(UserError, match=r"virtual_only of a needs virtual_sensors"):
        dataclasses.replace(method, virtual_sensors=(), virtual_only=True)
    with pytest.raises(UserError, match=r"a: virtual_sensors train a student without teachers"):
        dataclasses.replace(method, teachers=("skeleton_teacher",), teacher_outputs="in_sample")
    with pytest.raises(UserError, match=r"without teachers\. Received: random_forest"):
        dataclasses.replace(method, model="random_forest")


def test_two_trainings_take_the_whole_length_together():
    training = TrainingSettings(steps=3600, mixup=0.5)
    assert [one.steps for one in training.shared_out(0.4)] == [1440, 2160]
    shortest = dataclasses.replace(training, steps=24).shared_out(0.01)
    assert [one.steps for one in shortest] == [12, 12]
    first, second = TrainingSettings(epochs=9, mixup=0.5).shared_out(0.5)
    assert (first.epochs, first.mixup, second.epochs, second.mixup) == (4, 0.5, 5, 0.5)
    for short in (TrainingSettings(steps=12), TrainingSettings(epochs=1)):
        with pytest.raises(UserError, match="soup need 2 --epochs or 24 --training_steps"):
            short.shared_out(0.5)


def test_pretraining_is_a_part_of_a_student_s_training():
    with pytest.raises(UserError, match=r"must lie between 0 and 1\. Received: 1"):
        Pretraining("contrastive", share=1.0)
    with pytest.raises(UserError, match="a: after pretraining a student learns from its labelled"):
        Method("a", "A", "cross_entropy", ({},), pretraining=Pretraining("x"), uses_unlabelled=True)


def test_a_method_changes_the_recipe_s_training_and_its_length():
    method = Method("a", "A", "cross_entropy", ({},), training={"views": 4}, epochs_factor=3)
    recipe = TrainingSettings(epochs=40, mixup=0.2)
    assert method.training_from(recipe) == TrainingSettings(epochs=120, mixup=0.2, views=4)
    in_steps = method.training_from(TrainingSettings(steps=240))
    assert (in_steps.steps, in_steps.epochs) == (720, 400)
    assert method.training_text == "views 4, 3 times the length"
    soup = dataclasses.replace(method, training=None, epochs_factor=1, soup=Soup(4))
    assert soup.training_text == "the mean of the weights of 4 trainings"
    plain = dataclasses.replace(soup, soup=None)
    assert plain.training_text == ""
    assert plain.training_from(recipe) == recipe


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"epochs_factor": 0}, r"epochs_factor of a must be positive\. Received: 0"),
        ({"training": {"epochs": 9}}, r"a has the recipe's length, .*: epochs in training"),
        ({"training": {"speed": 9}}, r"TrainingSettings has no field speed"),
        ({"training": {"views": 0}}, r"training_views must be positive\. Received: 0"),
        ({"training": {"views": "2"}}, r"views: Input should be a valid integer"),
        (
            {"training": {"views": 3, "consistency_weight": 1.0}},
            r"two views of a clip \(--training_views=2\)\. Received: 3",
        ),
    ],
)
def test_a_wrong_training_of_a_method_is_refused(changes, message):
    with pytest.raises(UserError, match=message):
        Method("a", "A", "cross_entropy", ({},), **changes)


def test_averaged_epochs_are_whole_and_the_last():
    training = TrainingSettings(averaged_share=0.5)
    assert training.first_averaged_epoch == 200
    assert training.longer(2).first_averaged_epoch == 400
    assert dataclasses.replace(training, averaged_share=1e-9).first_averaged_epoch == 399
    assert TrainingSettings().first_averaged_epoch == 400


def test_a_soup_is_of_several_students_after_a_common_training():
    with pytest.raises(UserError, match=r"nets of a soup must be 2 or more\. Received: 1"):
        Soup(1)
    with pytest.raises(UserError, match=r"must lie between 0 and 1\. Received: 1"):
        Soup(2, 1.0)
    with pytest.raises(UserError, match=r"a: a soup is of students, .*Received: random_forest"):
        Method("a", "A", "", ({},), model=FOREST, soup=Soup(2))


def test_the_page_of_neighbours_names_their_rows_and_says_which_were_not_run():
    text = (ROOT / "docs" / "neighbours.md").read_text(encoding="utf-8")
    rebuilt = text.partition("## What we rebuilt")[2].partition("## What our board says")[0]
    rows = [line.split("|")[4].strip(" `") for line in rebuilt.splitlines() if "| `" in line]
    assert len(rows) == 12
    assert {method.name for method in read_methods(SHIPPED, rows)} == set(rows)
    not_run = re.findall(r"`(\w+)`", text.partition("Not run yet:")[2].partition(".")[0])
    with open(ROOT / "benchmarks/results/utd_mhad/leaderboard.csv", encoding="utf-8") as table:
        titles = {line["method"] for line in csv.DictReader(table)}
    ran = {method.name for method in read_methods(SHIPPED, rows) if method.title in titles}
    assert set(rows) - ran == set(not_run)
