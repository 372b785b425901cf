"""Stages that compare rows with each other or with held-out data, one a file; and, for notebooks, duplicates."""

from tilth.curation.dedup.duplicates import near_duplicates, semantic_duplicates

__all__ = ["near_duplicates", "semantic_duplicates"]
