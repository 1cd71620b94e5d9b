"""Checks of recordings before they are prepared."""
