"""Does the physics explain the data, and if not, which mistake was made?"""
