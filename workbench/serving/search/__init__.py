"""A version made searchable: narrow columns in memory, texts in a mapped file."""
