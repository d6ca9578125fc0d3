"""One array of any field and what was obtained in its place: which figures show it, and what they count."""
