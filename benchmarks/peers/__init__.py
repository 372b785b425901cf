"""Scripts that run other packages, each in an environment of its own: they import nothing of Tilth."""
