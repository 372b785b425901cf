"""What the base knew before, and what holds a tuned model to it."""
