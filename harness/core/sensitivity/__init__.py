"""Known bugs made on purpose, and which check catches which."""
