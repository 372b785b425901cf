"""Tilth: curation and tuning of language models, data quality first."""
