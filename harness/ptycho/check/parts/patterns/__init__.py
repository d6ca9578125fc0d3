"""Single patterns: compared with other positions, in named orders, and each with its own prediction."""
