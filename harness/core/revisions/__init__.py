"""The golden files of two git revisions, compared: what changed, by how much, who did it and why."""
