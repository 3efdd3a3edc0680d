"""Start the final training, in one process or several, and stop it when asked to."""
