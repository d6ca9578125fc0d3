"""pytest plugin: fixture_regression and metrics_regression."""
