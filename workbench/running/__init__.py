"""What changes a store, as a person runs it: curate, train, score, compare, refresh."""
