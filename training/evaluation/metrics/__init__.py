"""Metrics of evaluation tasks, one a file; see ../metric.py."""
