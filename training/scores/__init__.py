"""What a model thinks of rows: scores and embeddings that curation reads as files."""
