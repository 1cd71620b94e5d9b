"""Readers of raw files: tables, archives, MATLAB and BVH."""
