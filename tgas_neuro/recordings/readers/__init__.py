"""Readers: one file or folder each, all giving the contract of an assembly and its stimuli."""
