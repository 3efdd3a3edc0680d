"""Runs of a search: their folders, progress, and reuse."""
