"""Readers of assemblies in netCDF: our own, BrainIO, Brain-Score."""
