"""Teachers made from a trained network."""
