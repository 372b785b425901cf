"""Stages that judge a row or a turn by itself, one a file."""
