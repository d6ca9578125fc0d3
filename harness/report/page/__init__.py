"""One self-contained HTML page: what golden files hold, what differs, and their history."""
