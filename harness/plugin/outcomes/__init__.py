"""What the checks of a pytest process found: noted, sent by workers, summarized, and kept for later."""
