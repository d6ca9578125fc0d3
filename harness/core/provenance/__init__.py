"""Where bytes came from: audit, reproduction, in-toto statements."""
