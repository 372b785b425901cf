"""Recipes as files: YAML with the line of every key."""
