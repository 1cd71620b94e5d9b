"""Time series: stamps, rates, gaps."""
