"""A simulated ventral stream: rendered stimuli and V4 and IT responses with known truth."""
