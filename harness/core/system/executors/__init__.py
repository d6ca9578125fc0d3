"""Where the work of a verb is done: in processes of this machine, or on a Dask cluster."""
