"""A ptychographic scan: its contract, its forward model in numpy, simulation and selection."""
