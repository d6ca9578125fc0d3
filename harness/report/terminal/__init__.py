"""What a terminal shows: tables, sketches of arrays, progress, and lines that fit its width."""
