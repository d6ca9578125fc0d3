"""What readers and writers of several formats share: arrays by name, intensities, positions in metres."""
