"""Reconstruction codes of other groups, run on a fixture and measured like our own pipelines."""
