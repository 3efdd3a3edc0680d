"""Measure the accuracy of a trained network, and how much it looks like the teacher."""
