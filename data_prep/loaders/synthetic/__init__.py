"""The generated data set; never real recordings."""
