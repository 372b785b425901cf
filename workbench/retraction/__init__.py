"""Rows that must go: which they are, retracting them, erasing them, and proving that they are gone."""
