"""The lines of a text file that are surely whole."""


def whole_lines(content: bytes) -> tuple[list[str], bool]:
    """Returns the lines of a text file that are not blank, without a last one that may be cut.

    A number that was cut is still a number ("-0.12" of "-0.12e-3"), so a last line without its
    line break is not trusted.

    Args:
        content: The file's bytes, in UTF-8; bytes that are not become U+FFFD, which is no number.

    Returns:
        The lines, and whether a last one was left out.
    """
    text = content.decode("utf-8-sig", errors="replace").replace("\r\n", "\n").replace("\r", "\n")
    *lines, last = text.split("\n")
    return [line for line in lines if line.strip()], bool(last.strip())
