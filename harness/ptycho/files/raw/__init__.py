"""Raw scans of other codes: patterns, with positions or without, before anything was reconstructed."""
