"""Data sets: their description, download and files."""
