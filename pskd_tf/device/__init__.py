"""The recogniser of the device, compiled for the host and streamed."""
