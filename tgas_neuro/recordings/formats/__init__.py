"""What knows a file format and nothing else: archives, images, HDF5, MATLAB."""
