"""Reader of plain arrays: NumPy, MATLAB, HDF5, CSV."""
