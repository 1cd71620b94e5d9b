"""From an export to a whole project in the form of a board's own ecosystem."""
