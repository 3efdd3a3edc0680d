"""Readers: each gives the contract of an assembly and its stimuli."""
