"""Refits of probe or object alone: what one factor explains if it is free."""
