"""A run as it goes: the loop, what it learns, its checkpoints, and how it ends."""
