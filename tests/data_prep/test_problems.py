"""Lines that list problems: errors first, equal ones counted."""

from data_prep.problems import Problem, problem_lines


def test_equal_warnings_are_one_line():
    problems = [Problem("skeleton", f"c{number}", "no skeleton") for number in range(78)]
    problems += [Problem("rate", "c1", "too slow"), Problem("error", "c2", "A rule.")]
    problems += [Problem("error", "c5", "A rule.")]
    problems += [Problem("rate", "c3", "too fast"), Problem("rate", "c4", "too slow")]
    assert problem_lines(problems) == [
        "error: c2: A rule.",
        "error: c5: A rule.",
        "warning (skeleton): 78 times (c0, c1, c2, ...): no skeleton",
        "warning (rate): 2 times (c1, c4): too slow",
        "warning (rate): c3: too fast",
    ]


def test_more_lines_of_a_kind_than_asked_for():
    problems = [Problem("rate", f"c{number}", f"text {number}") for number in range(5)]
    lines = problem_lines(problems, 2, "; all of them")
    assert lines[2:] == ["warning (rate): 3 more; all of them"]
    assert len(problem_lines(problems, 0)) == 5
