"""Arrays larger than memory: read in blocks, and digests of those blocks."""
