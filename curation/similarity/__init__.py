"""What makes two texts alike, compiled: shingles, vectors, and the greedy passes over them."""
