"""Bytes to rows or quarantined lines, one step a file; `read.py` is the way in."""
