"""What orchestrates all other packages: training, compression and export of a run."""
