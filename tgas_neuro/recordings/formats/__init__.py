"""File formats and nothing else: archives, images, arrays, HDF5, MATLAB. Here are their endings."""

NETCDF = (".nc", ".nc4", ".cdf")
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
