"""Decides the fate of every row; never imports torch."""
