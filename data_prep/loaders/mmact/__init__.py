"""MMAct."""
