"""What `check` prints about recordings."""
