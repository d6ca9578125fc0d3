"""The page: one HTML file that shows how the golden files are, to be opened in any browser."""
