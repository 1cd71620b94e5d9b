"""A run's progress without a terminal."""

from pathlib import Path

from pskd_tf.pipeline.stage import SpokenContext


class _Terminal:
    def __init__(self, is_terminal: bool):
        self.is_terminal = is_terminal
        self.text = ""

    def isatty(self) -> bool:
        return self.is_terminal

    def write(self, text: str) -> None:
        self.text += text

    def flush(self) -> None:
        pass


def test_lines_are_shown_only_where_no_bar_is(tmp_path: Path, monkeypatch):
    """The log has them either way."""
    context = SpokenContext(tmp_path, tmp_path, tmp_path)
    for is_terminal, shown in ((False, "started one\n"), (True, "")):
        stream = _Terminal(is_terminal)
        monkeypatch.setattr("sys.stderr", stream)
        context.log("started one")
        assert stream.text == shown
    assert (tmp_path / "log.txt").read_text("utf-8") == "started one\n" * 2
