"""Configuration and plan of a run; the only room that knows all stages."""
