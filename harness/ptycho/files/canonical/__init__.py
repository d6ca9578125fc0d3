"""The keys of the dataset contract, in any container of named arrays: npz, HDF5, safetensors, torch, zarr."""
