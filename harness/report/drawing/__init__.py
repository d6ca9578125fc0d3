"""Drawing by matplotlib: scales, down-sampling and pictures, always the same bytes for the same values."""
