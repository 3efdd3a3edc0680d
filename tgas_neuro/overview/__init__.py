"""What runs are doing and how they ended: phases, remaining time, console, lists, comparisons."""
