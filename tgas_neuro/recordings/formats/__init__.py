"""File formats and nothing else: archives, images, arrays, HDF5, MATLAB."""
