"""Verbs about one dataset: made, checked, reconstructed, and written in other formats."""
