"""One command per verb; each is imported when it is called."""
