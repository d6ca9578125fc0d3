"""Filters and spectra of sampled signals."""
