"""Layers of networks: convolutions, drop path, concatenation, subsampling."""
