"""Start the final training: its processes, preemption, compilation."""
