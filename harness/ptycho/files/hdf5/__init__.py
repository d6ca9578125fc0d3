"""Read and write HDF5 so that no file can reach beyond itself, claim more than it holds, or run code."""
