"""Commands for those who develop the package."""
