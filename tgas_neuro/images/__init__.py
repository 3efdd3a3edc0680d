"""Images with classes, and the one way from files to inputs of a network."""
