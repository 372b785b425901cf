"""The proof on a real base: what the monitors push back, against the same rows untouched, at random, and by others."""
