"""The cell space: cells of blocks, repeated in a skeleton (NASNet, PNASNet)."""
