"""Methods compared on honest splits: cells, their records, boards."""
