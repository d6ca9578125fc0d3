"""Golden files whose bytes are in the project's store: brought here, sent there, verified, and collected."""
