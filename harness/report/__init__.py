"""Values -> text: one module for each kind of value. Nothing here reads a file or decides an outcome."""
