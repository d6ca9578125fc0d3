"""Reconstructions as MATLAB files, of version 5 and of version 7.3, which is HDF5."""
