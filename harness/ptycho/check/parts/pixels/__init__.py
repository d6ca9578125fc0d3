"""Detector pixels over all patterns: their sums, a background, their gain, and where they are."""
