"""Stages that compare rows with each other or with held-out data, one a file."""
