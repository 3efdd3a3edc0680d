"""Chains: plain convolutional networks, layer after layer, with optional skip connections."""
