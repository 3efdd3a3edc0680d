"""A simulated ventral stream and its images."""
