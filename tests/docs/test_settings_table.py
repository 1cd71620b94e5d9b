"""The tables of settings in the documentation."""

import pytest

from data_prep.errors import UserError
from project import ROOT
from pskd_tf.develop.settings_table import with_settings


def test_the_page_of_commands_has_the_current_settings():
    """Else: python -m pskd_tf.develop.settings_table."""
    page = (ROOT / "docs" / "cli.md").read_text("utf-8")
    assert with_settings(page) == page
    assert (
        "| `--epochs` | `400` | at least 1 | Epochs of the student and of the baseline. |" in page
    )


def test_a_page_without_the_marks_is_refused():
    with pytest.raises(UserError, match=r"needs the lines <!-- settings --> and .*: not both"):
        with_settings("# Commands\n<!-- settings -->\n")
