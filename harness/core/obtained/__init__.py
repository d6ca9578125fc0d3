"""What the last pytest session found, and the data that its failing checks obtained."""
