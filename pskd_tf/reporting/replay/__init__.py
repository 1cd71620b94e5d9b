"""What a report computes again from a run's weights."""
