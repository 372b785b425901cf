"""Searches before a run: which base, which rate."""
