"""Golden files of other tools, taken over; and lists of hashes that other tools read, written."""
