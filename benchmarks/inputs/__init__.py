"""What benchmarks measure on: made from seeds, or read where it lies."""
