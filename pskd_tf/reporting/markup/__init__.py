"""Pieces of HTML and SVG as text."""
