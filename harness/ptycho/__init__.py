"""Ptychography: diffraction patterns to complex images, in numpy."""
