"""Pictures of what ACS selects, from a finished run."""
