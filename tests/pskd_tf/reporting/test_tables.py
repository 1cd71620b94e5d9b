"""Names, scores and differences as text."""

from pskd_tf.reporting.tables import listed, percent, points, rate_text, words


def test_scores_are_mean_and_spread_and_one_seed_has_none():
    assert percent({"mean": 0.9234, "std": 0.0111, "values": [0.9, 0.94]}) == "92.3 ± 1.1"
    assert percent({"mean": 0.9234, "std": 0.0, "values": [0.9234]}) == "92.3"
    assert points([-0.02, -0.01]) == "−1.5 ± 0.7"
    assert words("draw_x") == "draw x" and words("cross_fitted") == "cross-fitted"
    assert words("abcdefgh", 5) == "abcd…"
    assert (listed([1, 2]), listed(["a", "b", "c"], 2)) == ("1, 2", "a, b and 1 more")


def test_a_rate_has_no_exponent():
    assert list(map(rate_text, (0.0, 0.1248, 9.487, 999.4, 999.6, 1060.2))) == [
        *("0", "0.125", "9.49", "999", "1000", "1060"),
    ]
