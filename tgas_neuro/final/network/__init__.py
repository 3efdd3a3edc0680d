"""The final network: the best genotype, scaled up."""
