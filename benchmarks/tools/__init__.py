"""What benchmarks are run and written with."""
