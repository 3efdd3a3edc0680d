"""The configuration: its keys, their checks and their messages."""
