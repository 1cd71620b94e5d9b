"""A finished run as a page: loaded from its folder, drawn as SVG, written as one HTML file."""
