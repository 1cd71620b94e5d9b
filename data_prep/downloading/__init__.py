"""Fetching public archives, resumable and unpacked safely."""
