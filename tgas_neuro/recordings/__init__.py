"""Recordings: from what a laboratory keeps to checked assemblies and stimulus sets."""
