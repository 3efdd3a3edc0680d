"""Reader of the laboratory HDF5 file of Majaj and Hong 2015."""
