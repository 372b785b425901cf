"""Stages that change text, one a file."""
