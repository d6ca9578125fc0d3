"""One pytest session: its state, its hooks, and what tests call."""
