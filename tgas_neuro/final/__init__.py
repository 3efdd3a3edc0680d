"""The terminal rule: scale the winner up, train it, evaluate it."""
