"""One candidate: train it a little, score it, write its record."""
