"""Architectures: genotypes and spaces without torch, networks with it."""
