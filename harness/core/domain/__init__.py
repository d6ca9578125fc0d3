"""What a field of science offers by name, and how it is called."""
