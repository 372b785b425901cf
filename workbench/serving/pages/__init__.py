"""One file a view: what it shows, and what may be decided there."""
