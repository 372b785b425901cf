"""Judges data and writes the pages; changes nothing."""
