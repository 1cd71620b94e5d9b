"""The sections of a report, one each."""
