"""One candidate: train a little, record activations, score against the teacher."""
