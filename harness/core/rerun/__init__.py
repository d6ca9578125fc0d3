"""Making recorded fixtures again in new processes: by their generators, or by the tests that made them."""
