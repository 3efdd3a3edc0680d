"""Experiments on guidance: cells measured along their training, and what is known from that."""
