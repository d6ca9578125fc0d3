"""Read zarr stores of format 2 and 3, folders and zip archives, that cannot reach beyond themselves.

The package zarr is not used: it would follow links, unpack chunks to whatever size they say, and run a codec
that unpickles. What is read is checked first, and what is unpacked goes into memory of a known size.
"""
