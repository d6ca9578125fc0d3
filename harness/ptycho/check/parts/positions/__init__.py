"""Errors of the coordinates: fitted near the stored ones, searched far from them."""
