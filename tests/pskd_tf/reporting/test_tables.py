"""Names, scores and differences as text, and the command lines that come with them."""

from pskd_tf.reporting.comparison import listed_arguments
from pskd_tf.reporting.tables import listed, percent, points, words
from pskd_tf.settings import flags_of_settings


def test_scores_are_mean_and_spread_and_one_seed_has_none():
    assert percent({"mean": 0.9234, "std": 0.0111, "values": [0.9, 0.94]}) == "92.3 ± 1.1"
    assert percent({"mean": 0.9234, "std": 0.0, "values": [0.9234]}) == "92.3"
    assert points([-0.02, -0.01]) == "−1.5 ± 0.7"
    assert words("draw_x") == "draw x" and words("cross_fitted") == "cross-fitted"
    assert words("abcdefgh", 5) == "abcd…"
    assert (listed([1, 2]), listed(["a", "b", "c"], 2)) == ("1, 2", "a, b and 1 more")


def test_words_after_compare_become_repeated_flags():
    words = ["report", "--compare", "A", "B", "--out=x.html", "stray"]
    expected = ["report", "--compare=A", "--compare=B", "--out=x.html", "stray"]
    assert listed_arguments(words, "compare") == expected
    assert listed_arguments(["report", "--compare=A"], "compare") == ["report", "--compare=A"]


def test_flags_of_settings_give_the_settings_back():
    """Every flag of the train command that is a setting is among them; else add it to the table."""
    from absl import flags

    from pskd_tf import train_flags

    values = flags.FlagValues()
    defined: list[str] = []

    def collect(name, *_, **__):
        defined.append(name)

    given = {"sparsity": "0.25", "seeds": "3,4", "mixup": "0.125", "teacher_outputs": "live"}
    real = {name: getattr(flags, name) for name in dir(flags) if name.startswith("DEFINE_")}
    for name, definer in real.items():
        if name in (
            "DEFINE_string",
            "DEFINE_integer",
            "DEFINE_float",
            "DEFINE_list",
            "DEFINE_bool",
            "DEFINE_enum",
        ):

            def define(flag, default, *rest, definer=definer, **options):
                collect(flag)
                return definer(flag, default, *rest, flag_values=values, **options)

            setattr(flags, name, define)
    try:
        train_flags.define_train_flags()
    finally:
        for name, definer in real.items():
            setattr(flags, name, definer)
    values(["train", *(f"--{name}={value}" for name, value in given.items())])
    settings = train_flags.settings_from_flags(values)
    written = flags_of_settings(settings.to_json())
    not_settings = {"run_dir", "prepared_dir", "stages_dir", "data_seed", "workers", "dry_run"}
    not_settings |= {"record_every_epochs", "strategy"}
    assert {flag[2:].partition("=")[0] for flag in written} == set(defined) - not_settings
    values.unparse_flags()
    values(["train", *written])
    assert train_flags.settings_from_flags(values) == settings
