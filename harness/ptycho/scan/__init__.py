"""A ptychographic scan: its contract, its physics in numpy, simulation and selection."""
